"""Model sums as bytes: safetensors with a header, under an id that is the hash of the state.

The id is the SHA-256 over every array's name, type, shape and bytes, in the order of names, so equal
states have equal ids wherever they were made.  The header says where a version comes from; it is not
part of the id.  Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from streamer.errors import ConfigurationError
from streamer.model.model_config import ModelConfig
from streamer.model.odds import basis_size, gram_size
from streamer.model.sums import COUNTERS, INPUTS, RECENT, ROWS, Sums

__all__ = [
    "FORMAT",
    "MadeOf",
    "VersionHeader",
    "decode_version",
    "encode_version",
    "state_id",
]

FORMAT: Final = "6"
_LENGTH_BYTES: Final = 8
_ARRAY_NAMES: Final = frozenset(f.name for f in fields(Sums))
_PER_CURRENCY: Final = ("currency_weights", "currency_sums", "reference_currency_means")


@dataclass(frozen=True, slots=True)
class MadeOf:
    """What a fitted version came out of: from the same of everything it comes out again.

    ``data`` has name and SHA-256 of each file, in the order in which they were read; ``configuration``,
    ``intake`` and ``code`` are hashes, the last behind the release's number.  ``shards`` is in how many
    parts the payments were learned, by card (`streamer.fitting.sharded`).
    """

    data: tuple[tuple[str, str], ...]
    configuration: str
    intake: str
    code: str
    shards: int = 1

    @property
    def data_hash(self) -> str:
        """One SHA-256 for all files; what they are called is not in it."""
        return hashlib.sha256("\n".join(digest for _, digest in self.data).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class VersionHeader:
    """Where a version comes from.

    ``offsets`` maps ``topic/partition`` to the first offset that the version has not learned from.
    ``reason`` is ``merge``, ``fit`` or ``import``; ``created_at`` is RFC 3339 in UTC.  ``made_of`` is
    what a fitted version tells of itself; what is learned on from it has its id as the parent.
    """

    parent: str
    created_at: str
    reason: str
    config_hash: str
    offsets: Mapping[str, int] = field(default_factory=dict)
    made_of: MadeOf | None = None


# What reading bytes of somebody else may raise, from the file down to the fields.
_FOREIGN: Final = (SafetensorError, ValueError, KeyError, TypeError, AttributeError, IndexError)
_ADDED: Final = {"made_of"}
"""Fields that versions of earlier releases do not have."""
_HEADER_FIELDS: Final = (
    frozenset({"feature_names", *(f.name for f in fields(VersionHeader))}) - _ADDED
)


def state_id(sums: Sums) -> str:
    """Return the content address of ``sums``: 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, array in sorted(_arrays(sums).items()):
        digest.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def encode_version(sums: Sums, header: VersionHeader, feature_names: tuple[str, ...]) -> bytes:
    """Return the version as a safetensors file."""
    metadata = {
        "format": FORMAT,
        "parent": header.parent,
        "created_at": header.created_at,
        "reason": header.reason,
        "config_hash": header.config_hash,
        "offsets": orjson.dumps(dict(header.offsets), option=orjson.OPT_SORT_KEYS).decode(),
        "feature_names": orjson.dumps(list(feature_names)).decode(),
    }
    if header.made_of is not None:
        metadata["made_of"] = orjson.dumps(header.made_of).decode()
    return bytes(save(_arrays(sums), metadata=metadata))


def decode_version(blob: bytes, config: ModelConfig) -> tuple[Sums, VersionHeader]:
    """Return the sums and header of a version; it must fit ``config``'s features and clusters."""
    try:
        arrays = load(blob)
        metadata = _metadata(blob)
    except _FOREIGN as error:
        raise ConfigurationError(
            f"model version must be a safetensors file, got bytes that are none: {error}"
        ) from error
    if metadata.get("format") != FORMAT:
        raise ConfigurationError(
            f"model version format must be {FORMAT}, got {metadata.get('format')!r}; use the release "
            "that wrote it, or export it again with this one"
        )
    missing = sorted((_HEADER_FIELDS - metadata.keys()) | (_ARRAY_NAMES - arrays.keys()))
    if missing:
        raise ConfigurationError(
            f"model version must have all its parts, got none of: {', '.join(missing)}; "
            "export it again"
        )
    try:
        return _checked(arrays, metadata, config)
    except _FOREIGN as error:
        raise ConfigurationError(
            f"model version must have parts that can be read, got {error}; export it again"
        ) from error


def _checked(
    arrays: dict[str, NDArray[Any]], metadata: Mapping[str, str], config: ModelConfig
) -> tuple[Sums, VersionHeader]:
    names = tuple(orjson.loads(metadata["feature_names"]))
    if names != config.feature_names:
        unlike = sorted(set(names) ^ set(config.feature_names)) or ["another order"]
        raise ConfigurationError(
            f"model version must have this release's features, got a difference in: "
            f"{', '.join(unlike)}; start another STREAMER_NAMESPACE"
        )
    if len(arrays["cluster_weights"]) != config.n_clusters:
        raise ConfigurationError(
            f"model version must have {config.n_clusters} clusters (STREAMER_N_CLUSTERS), "
            f"got {len(arrays['cluster_weights'])}; change the setting or start another "
            "STREAMER_NAMESPACE"
        )
    _make_room_for_currencies(arrays, config)
    _check_shapes(arrays, config)
    header = VersionHeader(
        parent=metadata["parent"],
        created_at=metadata["created_at"],
        reason=metadata["reason"],
        config_hash=metadata["config_hash"],
        offsets=orjson.loads(metadata["offsets"]),
        made_of=_made_of(metadata.get("made_of")),
    )
    return _sums(arrays), header


def _made_of(told: str | None) -> MadeOf | None:
    if told is None:
        return None
    parts: dict[str, Any] = orjson.loads(told)
    data = tuple((str(name), str(digest)) for name, digest in parts["data"])
    configuration, intake, code = (str(parts[name]) for name in ("configuration", "intake", "code"))
    return MadeOf(data, configuration, intake, code, int(parts["shards"]))


def _arrays(sums: Sums) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for item in fields(sums):
        value = getattr(sums, item.name)
        dtype = "<i8" if item.name in (*COUNTERS, "warmup_currencies") else "<f8"
        if item.name in RECENT:
            dtype = "<f4"
        arrays[item.name] = np.ascontiguousarray(value, dtype=dtype)
        arrays[item.name] = arrays[item.name].reshape(np.shape(value))
    return arrays


def _make_room_for_currencies(arrays: dict[str, NDArray[Any]], config: ModelConfig) -> None:
    """Append currencies that this release knows and an older version does not; never seen."""
    for name in _PER_CURRENCY:
        n_new = config.n_currencies - len(arrays[name])
        if n_new > 0:
            arrays[name] = np.append(arrays[name], np.zeros(n_new))


def _check_shapes(arrays: Mapping[str, NDArray[Any]], config: ModelConfig) -> None:
    expected = _arrays(Sums.zero(config))
    for name in sorted(_ARRAY_NAMES):
        found, wanted = arrays[name].shape, expected[name].shape
        if name in INPUTS and arrays["input_weights"].size:
            wanted = _input_shapes(config)[name]
        if name in ROWS and len(found) == len(wanted):
            # Any number of warm-up rows will do, as long as both arrays have the same.
            wanted = (len(arrays[ROWS[0]]), *wanted[1:])
        if name in RECENT and len(found) == len(wanted):
            wanted = (len(arrays[name]), *wanted[1:])
        if found != wanted:
            raise ConfigurationError(
                f"model version's {name} must have the shape {wanted}, got {found}; "
                "start another STREAMER_NAMESPACE"
            )


def _input_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the odds' sums once there were verdicts."""
    h = config.n_inputs
    sizes = gram_size(h), basis_size(h), h, h, h
    return {name: (size,) for name, size in zip(INPUTS, sizes, strict=True)}


def _sums(arrays: Mapping[str, NDArray[Any]]) -> Sums:
    values: dict[str, Any] = dict(arrays)
    values.update({name: int(arrays[name]) for name in COUNTERS})
    return Sums(**values)


def _metadata(blob: bytes) -> dict[str, str]:
    length = int.from_bytes(blob[:_LENGTH_BYTES], "little")
    header: dict[str, Any] = orjson.loads(blob[_LENGTH_BYTES : _LENGTH_BYTES + length])
    metadata: dict[str, str] = header["__metadata__"]
    return metadata
