"""Prints where a Python's pip lies, and which it is, as JSON: the fields of installer.ts."""

import json
import os
import sys

import pip

place = os.path.dirname(os.path.dirname(os.path.abspath(pip.__file__)))
print(json.dumps({"place": place, "version": pip.__version__, "prefix": sys.prefix}))
