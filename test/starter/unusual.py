"""Becomes the command in its arguments in a state that is unlike that of any test runner.

What the environment holds stays. With GONE=DIRECTORY the working directory is one that is removed.
"""

import os
import resource
import signal
import sys

os.environb[b"LATIN"] = b"caf\xe9"
os.environb[b"BASH_FUNC_module%%"] = b"() { echo module; }"
os.environb[b"a.b"] = b"1"
os.environb[b"NODE_OPTIONS"] = b"--require /nonexistent.js"
os.environb[b"LD_PRELOAD"] = b""
os.environb[b"MALLOC_ARENA_MAX"] = b"3"
os.environb[b"LONG"] = b"x" * 100_000
os.environb[b"SHLVL"] = b"1000"
os.environb[b"LC_ALL"] = b"C.UTF-8"
os.environb[b"PROBE_GROUP"] = b"%d" % os.getpgrp()
os.environb[b"PROBE_SESSION"] = b"%d" % os.getsid(0)
seven = os.open("/dev/null", os.O_RDONLY)
os.dup2(seven, 7)
os.dup2(seven, 30)
os.set_inheritable(7, True)
if seven not in (7, 30):
    os.close(seven)
os.umask(0o027)
os.nice(2)
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (321, hard))
for ignored in signal.SIGHUP, signal.SIGINT, signal.SIGUSR2:
    signal.signal(ignored, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGRTMIN])
if os.environ.get("GONE"):
    directory = os.environ["GONE"]
    os.mkdir(directory)
    os.chdir(directory)
    os.rmdir(directory)
os.execv(sys.argv[1], [os.fsencode(word) for word in sys.argv[1:]])
