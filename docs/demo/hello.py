"""What the demo runs on every rank: who am I, and where did numpy come from?"""

import os
import socket
import time

start = time.perf_counter()
import numpy  # noqa: E402 - it is what is timed

imported = time.perf_counter() - start

rank = os.environ.get("PMI_RANK", "0")
a = numpy.arange(12.0).reshape(3, 4)
print(
    f"rank {rank} on {socket.gethostname()}: numpy {numpy.__version__} from {numpy.__file__}, "
    f"imported in {1000 * imported:.0f} ms; trace of a aT = {numpy.trace(a @ a.T):.0f}",
    flush=True,
)
