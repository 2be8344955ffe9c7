"""Runs a command and prints, as a line of JSON each, what its leaders have cost by their end.

    leader-cost.py COMMAND...

A leader is any Node that is started after this program, on a machine that is quiet otherwise. Its
memory is the most, in bytes, that it has written to and shares with no process but those that it
forked: files in memory, and so the tree it unpacks, do not count. Its threads are seconds of CPU,
user and system, by the thread's name. Looks a hundred times a second, so a thread may have done a
hundredth more than is said here.
"""

import json
import os
import subprocess
import sys
import time

DIRTY = ("Private_Dirty", "Shared_Dirty")
TICKS = os.sysconf("SC_CLK_TCK")


def stat(path):
    """The fields of a stat file from the state on: see proc(5), where the state is field 3."""
    with open(f"{path}/stat") as file:
        return file.read().rpartition(")")[2].split()


def read(path):
    with open(path) as file:
        return file.read()


def dirty(pid):
    fields = (line.split() for line in read(f"/proc/{pid}/smaps_rollup").splitlines())
    return sum(int(size) * 1024 for name, size, *_ in fields if name.rstrip(":") in DIRTY)


def threads(pid):
    for thread in os.listdir(f"/proc/{pid}/task"):
        path = f"/proc/{pid}/task/{thread}"
        _, _, _, _, _, _, _, _, _, _, _, user, system, *_ = stat(path)
        yield thread, read(f"{path}/comm").strip(), (int(user) / TICKS, int(system) / TICKS)


def look(since, leaders):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(stat(f"/proc/{pid}")[19]) < since:
                continue
            if not os.readlink(f"/proc/{pid}/exe").endswith("/node"):
                continue
            leader = leaders.setdefault(pid, {"memory": 0, "threads": {}})
            leader["memory"] = max(leader["memory"], dirty(pid))
            for thread, name, seconds in threads(pid):
                leader["threads"][thread] = (name, seconds)
        except (OSError, ValueError):
            pass  # It has ended.


def by_name(threads):
    sums = {}
    for name, (user, system) in threads.values():
        others = sums.get(name, (0, 0))
        sums[name] = (others[0] + user, others[1] + system)
    return sums


since = int(stat("/proc/self")[19])
command = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
leaders = {}
while command.poll() is None:
    look(since, leaders)
    time.sleep(0.01)
for leader in leaders.values():
    if len(leader["threads"]) == 1:
        continue  # One that was about to become another program.
    print(json.dumps({"memory": leader["memory"], "threads": by_name(leader["threads"])}))
sys.exit(command.returncode)
