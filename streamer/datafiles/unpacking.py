"""Lays down what cannot be read as it is: zstd, bzip2 and Avro, in a temporary directory.

Commands read a file more than once, and these take long to unpack.  A few bytes can unpack to more than
there is room for: what would leave less than a tenth of the free disk is refused, of zstd before
anything is written.
"""

from __future__ import annotations

import bz2
import mmap
import shutil
from pathlib import Path
from typing import Any, Final

import cramjam
import msgspec

from streamer.errors import ConfigurationError

__all__ = ["most_of_zstd", "room_for", "unpack_avro", "unpack_bzip2", "unpack_zstd"]

_EXTRA: Final = "install streamer-fraud with its extra: registry"
_CHUNK: Final = 1 << 20
_FRAME: Final = 0xFD2FB528
_SKIPPED: Final = 0x184D2A5
# A block of zstd unpacks to this at most, whatever it holds.
_BLOCK: Final = 128 << 10
_CAPTURED: Final = frozenset(("Body", "EnqueuedTimeUtc", "SequenceNumber"))
"""Names in each record of Event Hubs Capture, whose messages are in the bodies."""

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


def room_for(out: Path) -> int:
    """Return how many bytes a file may unpack to where ``out`` will lie."""
    return shutil.disk_usage(out.parent).free * 9 // 10


def unpack_zstd(name: str, path: Path, out: Path) -> None:
    """Write what ``path`` unpacks to."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _require_room(name, most_of_zstd(data), room_for(out))
            cramjam.zstd.decompress_into(data, cramjam.File(str(out)))
    except (cramjam.DecompressionError, OSError) as error:
        raise ConfigurationError(f"{name} must be whole zstd data, got {error}") from None


def unpack_bzip2(name: str, path: Path, out: Path) -> None:
    """Write what ``path`` unpacks to."""
    room, size = room_for(out), 0
    try:
        with bz2.open(path) as data, out.open("wb") as to:
            while chunk := data.read(_CHUNK):
                size += len(chunk)
                _require_room(name, size, room)
                to.write(chunk)
    except (EOFError, OSError, ValueError) as error:
        raise ConfigurationError(f"{name} must be whole bzip2 data, got {error}") from None


def unpack_avro(name: str, path: Path, out: Path) -> str:
    """Write the records as JSON Lines, or the messages in the bodies of captured ones; say which."""
    try:
        import fastavro
    except ImportError:
        raise ConfigurationError(f"{name} is an Avro file; {_EXTRA}") from None
    room, size, is_captured = room_for(out), 0, False
    with path.open("rb") as file, out.open("wb") as to:
        try:
            for record in fastavro.reader(file):
                is_captured = isinstance(record, dict) and record.keys() >= _CAPTURED
                line = _message(record["Body"]) if is_captured else _encode(record)
                size += to.write(line + b"\n")
                _require_room(name, size, room)
        except ConfigurationError:
            raise
        except Exception as error:  # fastavro raises whatever a broken file leads it to.
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ConfigurationError(
                f"{name} must be an Avro file that is whole: {reason}"
            ) from None
    what = "Event Hubs Capture's, read by the bodies of its records" if is_captured else "Avro"
    return f"{name} is {what}"


def _message(body: Any) -> bytes:
    """Return the message in a captured body, in one line: JSON has no line feed in a string."""
    if body is None:
        return b"null"
    data = body if isinstance(body, bytes) else str(body).encode()
    return data.replace(b"\r", b" ").replace(b"\n", b" ") or b"null"


def _require_room(name: str, size: int, room: int) -> None:
    if size > room:
        raise ConfigurationError(
            f"{name} must unpack to at most {room >> 20:,} MiB, what its disk has room for, got more; "
            "set TMPDIR to a larger disk, or cut the file"
        )


def most_of_zstd(data: Any) -> int:
    """Return how many bytes zstd data unpacks to at most, by the headers of its frames and blocks.

    What is no zstd is left to the reader of it, which says so.
    """
    at, most = 0, 0
    while at + 6 <= len(data):
        magic = int.from_bytes(data[at : at + 4], "little")
        if magic >> 4 == _SKIPPED:
            at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
            continue
        if magic != _FRAME:
            break
        at, size = _frame(data, at + 4)
        most += size
    return most


def _frame(data: Any, at: int) -> tuple[int, int]:
    """Return the end of the frame whose header begins at ``at``, and what it unpacks to at most."""
    descriptor = data[at]
    is_single, has_checksum = descriptor >> 5 & 1, descriptor >> 2 & 1
    at += 1 + (not is_single) + (0, 1, 2, 4)[descriptor & 3]
    n_size = (is_single, 2, 4, 8)[descriptor >> 6]
    said = int.from_bytes(data[at : at + n_size], "little") + (256 if n_size == 2 else 0)
    at += n_size
    size = 0
    while at + 3 <= len(data):
        header = int.from_bytes(data[at : at + 3], "little")
        length = header >> 3
        is_compressed = header >> 1 & 3 == 2
        size += _BLOCK if is_compressed else length
        at += 3 + (1 if header >> 1 & 3 == 1 else length)
        if header & 1:
            break
    return at + 4 * has_checksum, min(size, said) if n_size else size
