"""Prints what a Python says about itself, as a line of JSON: the fields of interpreter.ts."""

import json
import os
import platform
import site
import sys
import sysconfig

stdlib = sysconfig.get_path("stdlib")
answer = {
    "version": ".".join(map(str, sys.version_info[:3])),
    "series": os.path.basename(stdlib).replace("python", ""),
    "tag": sys.implementation.cache_tag,
    "platform": sysconfig.get_platform(),
    "libc": " ".join(platform.libc_ver()).strip(),
    "prefix": sys.prefix,
    "basePrefix": sys.base_prefix,
    "stdlib": stdlib,
    "userBase": site.getuserbase(),
    "purelib": sysconfig.get_path("purelib"),
}
print(json.dumps(answer))
