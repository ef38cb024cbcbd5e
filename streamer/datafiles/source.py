"""What a command was given to read: a file, a directory of files, or standard input.

Compression, encoding and format are told by a file's content, and by its name only where that leaves a
doubt.  gzip is read as it comes; zstd, bzip2, Avro, standard input and text that is not UTF-8 are first
laid down in a temporary directory, which goes with the `Source`: every command reads more than once.
"""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
import weakref
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

from streamer.datafiles.content import (
    PARQUET,
    SAMPLE_BYTES,
    format_in,
    refuse_foreign,
    unknown_format,
)
from streamer.datafiles.encodings import (
    UTF8,
    encoding_of,
    is_written,
    known_encoding,
    marked_encoding,
    note_of,
    transcode,
)
from streamer.datafiles.file_addresses import fetch, is_url
from streamer.datafiles.formats import SUFFIXES, Format, format_of, known_format
from streamer.datafiles.laid_down import HEAD_BYTES, laying_down
from streamer.errors import ConfigurationError

__all__ = ["STANDARD_INPUT", "Part", "Source", "readable"]

STANDARD_INPUT: Final = "-"
_GZIP: Final = b"\x1f\x8b"


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


class _Said(NamedTuple):
    """What options say of every file."""

    format: Format | None
    encoding: str | None


_File = tuple[str, Path, Format | None]
"""A file's name and path, and the format that its suffix or an option names."""


@dataclass(eq=False)
class Source:
    """The files to read, in order; ``notes`` say what a person may not expect of them."""

    parts: tuple[Part, ...]
    notes: list[str] = field(default_factory=list)
    _rooms: Path | None = None
    _of: tuple[Source, ...] = ()

    @classmethod
    def of(
        cls,
        path: Source | Path | str,
        format: Format | None = None,
        encoding: str | None = None,
    ) -> Source:
        """Return what ``path`` names; what its content does not tell, options say.

        Raises `ConfigurationError` when there is no such file, or it is none that can be read.
        """
        if isinstance(path, Source):
            return path
        said = _Said(format, known_encoding(encoding) if encoding else None)
        if str(path) == STANDARD_INPUT:
            return cls._piped(said)
        path = Path(path)
        if path.is_dir():
            return cls._directory(path, said)
        kind = format or known_format(path)
        if not path.is_file():
            if kind is None:
                format_of(path)
            raise ConfigurationError(f"input file must exist, got {path}")
        return cls._laid_down([(path.name, path, kind)], said)

    @classmethod
    def of_several(
        cls,
        paths: Sequence[Path | str],
        format: Format | None = None,
        encoding: str | None = None,
    ) -> Source:
        """Return what all of ``paths`` name, in order; addresses are fetched (`file_addresses`)."""
        sources = [_fetched(path, format, encoding) for path in paths]
        if len(sources) == 1:
            return sources[0]
        parts = tuple(part for source in sources for part in source.parts)
        notes = [note for source in sources for note in source.notes]
        # They hold what was laid down, as long as this one is held.
        return cls(parts, notes, _of=tuple(sources))

    @classmethod
    def _piped(cls, said: _Said) -> Source:
        directory = Path(tempfile.mkdtemp(prefix="streamer-"))
        try:
            source = cls._copied(directory / "standard-input", said)
        except BaseException:
            # What is refused is somebody's payments all the same.
            shutil.rmtree(directory, ignore_errors=True)
            raise
        weakref.finalize(source, shutil.rmtree, directory, ignore_errors=True)
        return source

    @classmethod
    def _copied(cls, path: Path, said: _Said) -> Source:
        try:
            with path.open("wb") as out:
                shutil.copyfileobj(sys.stdin.buffer, out)
        except (OSError, AttributeError, ValueError) as error:  # Closed, or none at all.
            raise ConfigurationError(f"standard input must be readable, got {error}") from None
        # What no content tells is taken for messages, one a line.
        files: list[_File] = [("standard input", path, said.format or "jsonl")]
        return cls._laid_down(files, said)

    @classmethod
    def _directory(cls, directory: Path, said: _Said) -> Source:
        # Spark and Hadoop put files of their own beside the data, with _ and . before the name.
        files = sorted(p for p in directory.iterdir() if p.is_file() and p.name[0] not in "._")
        kinds = {path: said.format or known_format(path) for path in files}
        found: dict[Format, str] = {}
        for path, kind in kinds.items():
            if kind is not None:
                found.setdefault(kind, path.name)
        if len(found) != 1:
            got = ", ".join(found.values()) or "none"
            raise ConfigurationError(
                f"directory {directory} must hold files of one format ({', '.join(SUFFIXES)}), got "
                f"{got}"
            )
        data = [(p.name, p, kind) for p, kind in kinds.items() if kind is not None]
        source = cls._laid_down(data, said)
        passed_over = [path.name for path, kind in kinds.items() if kind is None]
        if passed_over:
            source.notes.append(f"not read, for their suffix: {', '.join(passed_over)}")
        return source

    @classmethod
    def _laid_down(cls, files: Sequence[_File], said: _Said) -> Source:
        """Return the files, those that cannot be read as they are in a temporary directory."""
        source = cls(())
        source.parts = tuple(_part_of(*file, source, said) for file in files)
        return source

    def room(self) -> Path:
        """Return a name for a file that goes with this object."""
        if self._rooms is None:
            self._rooms = Path(tempfile.mkdtemp(prefix="streamer-"))
            weakref.finalize(self, shutil.rmtree, self._rooms, ignore_errors=True)
        return self._rooms / str(len(list(self._rooms.iterdir())))


def _fetched(path: Path | str, format: Format | None, encoding: str | None) -> Source:
    if not is_url(path):
        return Source.of(path, format, encoding)
    held = Source(())
    room = held.room()
    fetch(str(path), room)
    source = Source.of(room, format or known_format(Path(str(path))), encoding)
    source.parts = tuple(replace(part, name=str(path).rsplit("/", 1)[-1]) for part in source.parts)
    source._of = (held,)
    return source


def _part_of(name: str, path: Path, named: Format | None, source: Source, said: _Said) -> Part:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    lay_down = laying_down(head)
    if lay_down is not None:
        packed, path = path, source.room()
        note = lay_down(name, packed, path)
        if note is not None:
            source.notes.append(note)
    part = Part(name, path, "jsonl", head.startswith(_GZIP))
    with readable(part), part.opened() as file:
        start = file.read(SAMPLE_BYTES)
    if start.startswith(PARQUET):
        return replace(part, format="parquet")
    is_certain = said.format is not None
    encoding = said.encoding or marked_encoding(start)
    if encoding is None:
        refuse_foreign(start, name)
        with readable(part), part.opened() as file:
            guess = encoding_of(file)
        is_json = format_in(start, named, is_certain=is_certain) == "jsonl"
        if not is_json or guess.is_clear or is_written(start):
            encoding = guess.encoding
            # JSON that is not UTF-8 is refused by the message.
            if encoding != UTF8 or not (guess.fits or is_json):
                source.notes.append(note_of(name, guess))
    if encoding not in (None, UTF8):
        part = _transcoded(part, encoding, source)
        with part.opened() as file:
            start = file.read(SAMPLE_BYTES)
        refuse_foreign(start, name)
    kind = format_in(start, named, is_certain=is_certain)
    if kind is None:
        raise unknown_format(start, name)
    return replace(part, format=kind)


def _transcoded(part: Part, encoding: str, source: Source) -> Part:
    out = source.room()
    with readable(part), part.opened() as file, out.open("wb") as to:
        if not transcode(file, to, encoding):
            source.notes.append(
                f"{part.name} has bytes that are not of its encoding, {encoding}; they are read as "
                "\\xNN"
            )
    return replace(part, path=out, is_gzip=False)


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
