"""A rank that counts its signals until SIGTERM, and says how much memory our Node beside it has.

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


def program():
    """The Node that runs python-mpi for this rank, beside Python; None when there is none."""
    parent = os.getppid()
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        try:
            if b"python-mpi.cjs" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return Path(f"/proc/{pid}")
        except OSError:  # It has ended meanwhile.
            pass
    return None


def kept():
    """Kilobytes that only that Node has."""
    node = program()
    if node is None:
        return 0
    text = (node / "smaps_rollup").read_text()
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
