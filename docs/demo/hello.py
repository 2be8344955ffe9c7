"""What the demo runs on every rank: who am I, and where did numpy come from?"""

import os
import socket
import time

start = time.perf_counter()
import numpy  # noqa: E402 - it is what is timed

imported = time.perf_counter() - start

# What each launcher calls it; the first one that is set says it.
NAMES = (
    "OMPI_COMM_WORLD_RANK PMIX_RANK PALS_RANKID PMI_RANK PMI_ID ALPS_APP_PE FLUX_TASK_RANK "
    "JSM_NAMESPACE_RANK MV2_COMM_WORLD_RANK SLURM_PROCID"
)
rank = next((os.environ[name] for name in NAMES.split() if name in os.environ), "0")
a = numpy.arange(12.0).reshape(3, 4)
print(
    f"rank {rank} on {socket.gethostname()}: numpy {numpy.__version__} from {numpy.__file__}, "
    f"imported in {1000 * imported:.0f} ms; trace of a aT = {numpy.trace(a @ a.T):.0f}",
    flush=True,
)
