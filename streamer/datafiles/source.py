"""What a command was given to read: a file, a directory of files, or standard input.

Compression is told by a file's first bytes, whatever its name says.  gzip is read as it comes; zstd and
standard input are first laid down in a temporary directory, which goes with the `Source`: every
command reads more than once.
"""

from __future__ import annotations

import gzip
import mmap
import shutil
import sys
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, cast

import cramjam

from streamer.datafiles.formats import FORMATS, Format, format_of, known_format
from streamer.errors import ConfigurationError

__all__ = ["STANDARD_INPUT", "Part", "Source", "readable"]

STANDARD_INPUT: Final = "-"
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Part:
    """One file: ``name`` is what the user calls it, ``path`` where its bytes lie."""

    name: str
    path: Path
    format: Format
    is_gzip: bool

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open it, decompressed."""
        with self.path.open("rb") as file:
            if not self.is_gzip:
                yield file
                return
            with gzip.open(file) as data:
                yield cast(IO[bytes], data)


@dataclass(eq=False)
class Source:
    """The files to read, in order; ``notes`` say what a person may not expect of them."""

    parts: tuple[Part, ...]
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, path: Source | Path | str, format: Format | None = None) -> Source:
        """Return what ``path`` names; ``format`` is needed where no suffix says it.

        Raises `ConfigurationError` when there is no such file, or its format is not known.
        """
        if isinstance(path, Source):
            return path
        if str(path) == STANDARD_INPUT:
            return cls._piped(format)
        path = Path(path)
        if path.is_dir():
            return cls._directory(path, format)
        kind = format or known_format(path)
        if kind is None:
            format_of(path)
        if not path.is_file():
            raise ConfigurationError(f"input file must exist, got {path}")
        return cls._laid_down([(path.name, path, kind or format_of(path))])

    @classmethod
    def _piped(cls, format: Format | None) -> Source:
        if format is None:
            raise ConfigurationError(
                f"standard input must have a format, got none; use --format {', '.join(FORMATS)}"
            )
        directory = Path(tempfile.mkdtemp(prefix="streamer-"))
        path = directory / "standard-input"
        with path.open("wb") as out:
            shutil.copyfileobj(sys.stdin.buffer, out)
        source = cls._laid_down([("standard input", path, format)])
        weakref.finalize(source, shutil.rmtree, directory, ignore_errors=True)
        return source

    @classmethod
    def _directory(cls, directory: Path, format: Format | None) -> Source:
        # Spark and Hadoop put files of their own beside the data, with _ and . before the name.
        files = sorted(p for p in directory.iterdir() if p.is_file() and p.name[0] not in "._")
        kinds = {path: format or known_format(path) for path in files}
        found: dict[Format, str] = {}
        for path, kind in kinds.items():
            if kind is not None:
                found.setdefault(kind, path.name)
        if len(found) != 1:
            got = ", ".join(found.values()) or "none"
            raise ConfigurationError(
                f"directory {directory} must hold files of one format, got {got}"
            )
        source = cls._laid_down([(p.name, p, kind) for p, kind in kinds.items() if kind])
        passed_over = [path.name for path, kind in kinds.items() if kind is None]
        if passed_over:
            source.notes.append(f"not read, for their suffix: {', '.join(passed_over)}")
        return source

    @classmethod
    def _laid_down(cls, files: list[tuple[str, Path, Format]]) -> Source:
        directory: Path | None = None
        parts: list[Part] = []
        for name, path, kind in files:
            with path.open("rb") as file:
                magic = file.read(4)
            if magic == _ZSTD:
                directory = directory or Path(tempfile.mkdtemp(prefix="streamer-"))
                path = _decompressed(name, path, directory / str(len(parts)))
            parts.append(Part(name, path, kind, magic[:2] == _GZIP))
        source = cls(tuple(parts))
        if directory is not None:
            weakref.finalize(source, shutil.rmtree, directory, ignore_errors=True)
        return source


def _decompressed(name: str, path: Path, out: Path) -> Path:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            cramjam.zstd.decompress_into(data, cramjam.File(str(out)))
    except (cramjam.DecompressionError, OSError) as error:
        shutil.rmtree(out.parent, ignore_errors=True)
        raise ConfigurationError(f"{name} must be whole zstd data, got {error}") from None
    return out


@contextmanager
def readable(part: Part) -> Iterator[None]:
    """Turn what goes wrong in reading ``part`` into an error that says so."""
    try:
        yield
    except EOFError:
        raise ConfigurationError(
            f"{part.name} must be whole gzip data, got the start of it"
        ) from None
    except (zlib.error, gzip.BadGzipFile) as error:
        raise ConfigurationError(f"{part.name} must be whole gzip data, got {error}") from None
    except OSError as error:
        raise ConfigurationError(f"{part.name} must be readable, got {error.strerror}") from None
