"""A rank that counts its signals until SIGTERM, and says how much memory only its parent has.

Arguments: the variable with the number of the rank, and how many kilobytes to wait for:
of even ranks, and of odd ones.
"""

import os
import re
import signal
import sys
import time
from pathlib import Path

rank = os.environ[sys.argv[1]]
seen = []


def come_to(stage):
    open(f"{stage}-{rank}", "w").close()


def note(number, frame):
    seen.append(number)
    if number == signal.SIGUSR1:
        come_to("signalled")


for number in (signal.SIGUSR1, signal.SIGTERM):
    signal.signal(number, note)


def kept():
    """Kilobytes that only the parent has, if that is a part of python-mpi."""
    parent = Path(f"/proc/{os.getppid()}")
    if b"python-mpi.cjs" not in (parent / "cmdline").read_bytes():
        return 0
    text = (parent / "smaps_rollup").read_text()
    return int(re.search(r"^Private_Dirty: +(\d+)", text, re.M).group(1))


# It may yet have to tidy up.
end = time.monotonic() + 120
while kept() > int(sys.argv[2 + int(rank) % 2]) and time.monotonic() < end:
    time.sleep(0.1)
size = kept()
come_to("started")
while signal.SIGTERM not in seen:
    signal.pause()
os.write(1, f"{rank} {seen.count(signal.SIGUSR1)} {seen.count(signal.SIGTERM)} {size}\n".encode())
