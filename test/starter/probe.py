"""What a process can see of itself, as lines: all that a rank has as plain Python has it."""

import fcntl
import os
import resource
import stat
import sys


def descriptors():
    for number in sorted(int(name) for name in os.listdir("/proc/self/fd")):
        try:
            flags = fcntl.fcntl(number, fcntl.F_GETFL)
            close = fcntl.fcntl(number, fcntl.F_GETFD)
            mode = os.fstat(number).st_mode
        except OSError:
            continue  # the one that has listed them
        yield number, f"{stat.S_IFMT(mode):o} flags {flags:o} close-on-exec {close}"


def status(name):
    with open("/proc/self/status") as file:
        return next(line.split()[1] for line in file if line.startswith(name + ":"))


def limits():
    for name in sorted(name for name in dir(resource) if name.startswith("RLIMIT_")):
        yield name, resource.getrlimit(getattr(resource, name))


def say(what, value):
    lines.append(
        b"%s: %s\n"
        % (os.fsencode(str(what)), value if isinstance(value, bytes) else str(value).encode())
    )


lines = []
for number, what in descriptors():
    say(f"descriptor {number}", what)
for name, limit in limits():
    say(name, limit)
mask = os.umask(0)
say("umask", oct(mask))
for name in "SigBlk", "SigIgn", "NoNewPrivs", "Uid", "Gid":
    say(name, status(name))
say("nice", os.nice(0))
say("affinity", sorted(os.sched_getaffinity(0)))
try:
    say("directory", os.getcwdb())
except FileNotFoundError:
    say("directory", "gone")
with open("/proc/self/oom_score_adj") as file:
    say("oom_score_adj", file.read().strip())
say("group of", "the launcher" if os.getpgrp() == int(os.environ["PROBE_GROUP"]) else "another")
say("session of", "the launcher" if os.getsid(0) == int(os.environ["PROBE_SESSION"]) else "another")
for argument in sys.argv[1:]:
    say("argument", os.fsencode(argument))
with open("/proc/self/environ", "rb") as file:
    for entry in file.read().split(b"\0"):
        say("variable", entry)
with open(os.environb[b"PROBE_OUTPUT"], "wb") as file:
    file.writelines(lines)
