"""Prints what the imports of a program look up, as a last line of JSON.

Reads the program from standard input, and carries its imports out but nothing else, without those
that are named as arguments. Look-ups are counted where importlib does them, per directory. A line
before each import says which it is, since some end the process.
"""

import os
import sys

own = set(sys.modules)
import ast  # noqa: E402
import importlib._bootstrap_external as external  # noqa: E402
import json  # noqa: E402
import site  # noqa: E402

path = list(sys.path)
lookups = {}
missing = []


def count(name):
    if isinstance(name, str):
        directory = os.path.dirname(os.path.abspath(name))
        lookups[directory] = lookups.get(directory, 0) + 1


def counting(name):
    count(name)
    return look(name)


def modules_of(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [node.module]
    return []


look = external._path_stat
external._path_stat = counting
sys.addaudithook(lambda event, args: count(args[0]) if event == "open" else None)
nodes = list(ast.walk(ast.parse(sys.stdin.buffer.read())))
skipped = sys.argv[1:]
# What only this probe has loaded is not there when the script starts.
for name in set(sys.modules) - own:
    del sys.modules[name]
for node in nodes:
    for name in modules_of(node):
        if name in skipped:
            missing.append(name)
            continue
        os.write(1, f"\n>{name}\n".encode())
        try:
            __import__(name)
        except BaseException:  # a module may even call exit
            missing.append(name)
answer = {
    "lookups": dict(lookups),
    "missing": missing,
    "path": path,
    "user": site.getuserbase() if site.ENABLE_USER_SITE else "",
}
sys.__stdout__.write("\n" + json.dumps(answer))
