"""Compiles modules to unchecked hash-based byte code: standard input names them, a path a line."""

import os
import sys

# The directory that this runs in holds modules to compile, none to import.
sys.path.pop(0)
import compileall
import py_compile

for line in sys.stdin.buffer.read().split(b"\n"):
    compileall.compile_file(
        os.fsdecode(line),
        quiet=2,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
