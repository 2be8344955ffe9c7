"""What this rank has cost until now, as a line of JSON.

"cpu" is seconds of its own, which outlive exec. When python-mpi runs beside it: "parentCpu", of
the starter that is its parent and of the Node that is the starter's other child; and "parent", the
bytes of memory that these share with no other process, by what they are. With an argument, they
are looked at so many seconds later.
"""

import json
import os
import resource
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")


def kind(name):
    """What a line of smaps stands for."""
    if name == "[heap]":
        return "heap of malloc"
    if name == "":
        return "anonymous: V8, arenas of malloc, stacks of threads"
    return "data of " + (name if name.startswith("[") else os.path.basename(name).split(".so")[0])


def private(directory):
    parts = {}
    name = ""
    with open(f"{directory}/smaps") as file:
        for line in file:
            word, *rest = line.split()
            if not word.endswith(":"):
                name = kind(rest[4] if len(rest) > 4 else "")
            elif word.startswith("Private_"):
                parts[name] = parts.get(name, 0) + int(rest[0]) * 1024
    return parts


def cpu(directory):
    with open(f"{directory}/stat") as file:
        user, system = file.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


cost = {"rank": int(os.environ["SLURM_PROCID"]), "parent": {}, "parentCpu": 0}
usage = resource.getrusage(resource.RUSAGE_SELF)
cost["cpu"] = usage.ru_utime + usage.ru_stime


def beside():
    """The starter that Python is a child of, and its Node; none where it is no child of ours."""
    parent = os.getppid()
    with open(f"/proc/{parent}/task/{parent}/children") as file:
        children = file.read().split()
    for pid in children:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            if b"python-mpi.cjs" in file.read():
                return [f"/proc/{parent}", f"/proc/{pid}"]
    return []


if len(sys.argv) > 1:
    time.sleep(float(sys.argv[1]))
for directory in beside():
    for name, size in private(directory).items():
        cost["parent"][name] = cost["parent"].get(name, 0) + size
    cost["parentCpu"] += cpu(directory)
print(json.dumps(cost))
