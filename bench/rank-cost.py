"""What this rank has cost until now, as a line of JSON: seconds of CPU, which outlive exec, and the bytes of memory that
nobody shares with its parent, when that is a python-mpi. With an argument, the memory is looked at so many seconds later."""

import json
import os
import resource
import sys
import time

usage = resource.getrusage(resource.RUSAGE_SELF)
if len(sys.argv) > 1:
    time.sleep(float(sys.argv[1]))
parent = 0
directory = f"/proc/{os.getppid()}"
with open(f"{directory}/cmdline", "rb") as file:
    ours = b"python-mpi.cjs" in file.read()
if ours:
    with open(f"{directory}/smaps_rollup") as file:
        for line in file:
            if line.startswith("Private_"):
                parent += int(line.split()[1]) * 1024
print(json.dumps({"rank": int(os.environ["SLURM_PROCID"]), "cpu": usage.ru_utime + usage.ru_stime, "parent": parent}))
