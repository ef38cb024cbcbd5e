"""What a compiled kernel was made from: the files that count, and the versions that made them code.

A kernel has the code of the kernels that it calls in it, and the values of the globals that it names.
numba's own cache looks at the kernel's file alone, and after an edit of a callee in another file goes
on running the old one.  So the stamp is over every file that the kernel's module imports, directly or
by way of others: too many rather than too few.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

__all__ = ["package_of", "stamp"]

_IMPORTS: Final = re.compile(rb"^[ \t]*(?:from|import)[ \t]+([\w.]+)", re.MULTILINE)
_OURS: Final = Path(__file__).parents[1]
_MAKERS: Final = ("numba", "llvmlite", "numpy")


def package_of(file: Path) -> Path | None:
    """Return the folder of the outermost package that a module lies in; None outside of any."""
    package = None
    for folder in file.parents:
        if not (folder / "__init__.py").is_file():
            break
        package = folder
    return package


@cache
def stamp(file: Path, package: Path) -> str:
    """Return a digest of everything that the kernels in ``file``, of ``package``, depend on."""
    roots = tuple((folder.name.encode(), str(folder)) for folder in (_OURS, package))
    waiting = [str(file)]
    found = set(waiting)
    while waiting:
        new = _imported(waiting.pop(), roots) - found
        found |= new
        waiting += new
    digest = sha256(_makers())
    for path in sorted(found):
        digest.update(_read(path).digest)
    return digest.hexdigest()


# Each is read from a file of its distribution.
@cache
def _makers() -> bytes:
    return repr([sys.version, *map(version, _MAKERS)]).encode()


@dataclass(frozen=True, slots=True)
class _Source:
    digest: bytes
    imports: frozenset[bytes]


# A stamp is made for every file with kernels, and each walks through most files of the package.  Names
# of files are text here: paths compare by their parts, which took longer than all the rest.
@cache
def _imported(path: str, roots: tuple[tuple[bytes, str], ...]) -> frozenset[str]:
    """Return the files of what a file imports below the packages ``roots``, by their names."""
    folders, found = dict(roots), set[str]()
    for name in _read(path).imports:
        top, _, rest = name.partition(b".")
        if top in folders:
            found |= _files(folders[top], rest)
    return frozenset(found)


@cache
def _files(root: str, name: bytes) -> frozenset[str]:
    """Return the files of what is imported: all below a package, of which a name may be a module.

    But for its programs, which nobody imports: ours runs the whole product.
    """
    path = Path(root, *(part.decode() for part in name.split(b".") if part))
    files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
    return frozenset(str(file) for file in files if file.name != "__main__.py")


@cache
def _read(path: str) -> _Source:
    try:
        content = Path(path).read_bytes()
    except OSError:
        # A line of prose that begins like an import.
        content = b""
    return _Source(sha256(content).digest(), frozenset(_IMPORTS.findall(content)))
