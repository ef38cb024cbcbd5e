"""Keeps what numba has compiled, one file each, named after everything that it was made from.

numba's own cache keeps an index per function, which two processes that write at once can leave
pointing at the wrong code; it ends a process that cannot write; and it misses an edit (`sources`).
Here a name says it all, so there is nothing to compare and nothing to hold: a file is there or not.

Invariants:
* What is found under a name is what a compilation here and now would give.
* No folder, no right to write, no space and no sense in a file are never an error: the kernel is
  compiled, and kept in memory.
"""

from __future__ import annotations

import pickle
import secrets
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from numba.core import compiler, sigutils
from numba.core.caching import NullCache
from numba.core.serialize import dumps

from streamer.compiled.folders import Folders
from streamer.compiled.registries import refresh
from streamer.compiled.sources import stamp

__all__ = ["KernelCache"]

# Of one kernel in one folder: combinations of types, times the processors and versions that share it.
_KEPT: Final = 16


class KernelCache(NullCache):  # type: ignore[misc]
    """The cache of one kernel, as numba's dispatcher asks for it."""

    def __init__(self, function: Callable[..., Any], package: Path) -> None:
        """``package`` is the folder of the package that the function is in."""
        code = function.__code__
        self._kernel = f"{function.__module__}.{function.__qualname__}"
        self._folders = Folders.of(package)
        # Now, while the files are those that are being imported.
        self._sources = stamp(Path(code.co_filename), package), code.co_firstlineno
        self.faults: set[str] = set()
        """What is in the way of this cache, one line each."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled kernel for these types, None where there is none."""
        refresh(target_context)
        for folder in self._folders.usable(self.faults):
            path = folder / self._name(sig, target_context.codegen())
            try:
                payload = pickle.loads(path.read_bytes())  # noqa: S301
                return compiler.CompileResult._rebuild(target_context, *payload)
            except FileNotFoundError:
                continue
            # Whatever half a file may raise.
            except Exception as error:
                self.faults.add(f"{path} must be a compiled kernel, got {error!r}; remove it")
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled kernel in the first folder that takes it."""
        if data.library.has_dynamic_globals:
            self.faults.add(f"{self._kernel} must take arrays as arguments, got a large global one")
            return
        name, content = self._name(sig, data.codegen), dumps(data._reduce())
        for folder in self._folders.usable(self.faults, to_write=True):
            try:
                _write(folder / name, content)
            except OSError:
                continue
            self._prune(folder)
            return
        self.faults.add(f"{self._folders} must take files, or kernels are compiled at each start")

    def _name(self, sig: Any, codegen: Any) -> str:
        """Return the name of the file for these types on this processor (`processor`)."""
        types = str(sigutils.normalize_signature(sig))
        made_from = repr((self._sources, types, codegen.magic_tuple()))
        return f"{self._kernel}-{sha256(made_from.encode()).hexdigest()[:32]}.nbc"

    def _prune(self, folder: Path) -> None:
        """Remove what was compiled longest ago, of which nothing may be in use any more."""
        with suppress(OSError):
            kept = sorted(folder.glob(f"{self._kernel}-*"), key=lambda path: path.stat().st_mtime)
            for path in kept[:-_KEPT]:
                path.unlink()


def _write(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, whoever else writes the same."""
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
