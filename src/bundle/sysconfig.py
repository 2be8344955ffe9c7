# The end of a package's _sysconfigdata: paths of where Python was are put right when it is read.
import sys as _sys

_PLACES = ()
for _place in _PLACES:
    build_time_vars = {
        _name: _value.replace(_place, _sys.prefix) if isinstance(_value, str) else _value
        for _name, _value in build_time_vars.items()  # noqa: F821 - stands above
    }
