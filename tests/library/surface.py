"""The public surface as lines: ``python -m tests.library.surface > tests/golden/public_surface.txt``.

What `import streamer` offers, with how it is called and what can be read of it.  Types are as the
source writes them, so that every Python tells the same.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

import streamer

__all__ = ["lines"]

# What a program makes itself; the others are handed to it.
_MADE: Final = ("Detector", "OnlineKMeans")


def lines() -> Iterator[str]:
    """Yield the lines, names in alphabetical order, what belongs to a class indented below it."""
    for name in sorted(streamer.__all__):
        value = getattr(streamer, name)
        if inspect.isclass(value):
            bases = ", ".join(each.__name__ for each in value.__bases__)
            yield f"class {name}({bases})"
            if name in _MADE:
                yield f"    {_signature('__init__', value.__init__)}"
            yield from (f"    {line}" for line in _members(value))
        elif callable(value):
            yield _signature(name, value)
        else:
            yield f"{name}: {type(value).__name__}"


def _members(value: type[Any]) -> Iterator[str]:
    fields = vars(value).get("__annotations__", {})
    for name, kind in fields.items():
        if not name.startswith("_"):
            yield f"{name}: {getattr(kind, '__forward_arg__', kind)}"
    for name, member in sorted(vars(value).items()):
        if name.startswith("_") or name in fields:
            continue
        if isinstance(member, property):
            assert member.fget is not None
            yield f"{name}: {member.fget.__annotations__['return']} (read only)"
        elif isinstance(member, classmethod):
            yield f"classmethod {_signature(name, member.__func__)}"
        elif inspect.isfunction(member):
            yield _signature(name, member)


def _signature(name: str, function: Any) -> str:
    told = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(function)))
    return name + re.sub(r"<function .*? at 0x[0-9a-f]+>", "...", told)


if __name__ == "__main__":
    print("\n".join(lines()))
