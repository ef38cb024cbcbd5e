"""Protobuf to dicts, by the descriptors of a registry or of a file; nothing is compiled.

The library belongs to the extra ``registry`` and is loaded when a schema asks for it.  A descriptor at
fault is a `ConfigurationError` that says why; payloads raise whatever the library raises.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Final

from streamer.errors import ConfigurationError
from streamer.intake.readings import Fault

__all__ = ["Decode", "References", "protobuf_file", "protobuf_set"]

Decode = Callable[[bytes], Any]
References = tuple[tuple[str, str], ...]
"""Schemas that another one names: the name that it uses, and the text."""

_WELL_KNOWN: Final = "google/protobuf/"
_MAIN_FILE: Final = "streamer/schema.proto"
# Of an index in 64 bits, seven to a byte.
_LONGEST_VARINT: Final = 63
_EXTRA: Final = "install streamer-fraud with its extra: registry"


def protobuf_file(text: str, references: References) -> Decode:
    """Return the decoder by a file's descriptor in Base64, and those of the files that it imports."""
    pool, descriptors = _protobuf_pool()
    try:
        for name, content in (*references, (_MAIN_FILE, text)):
            file = descriptors.FileDescriptorProto()
            file.ParseFromString(base64.b64decode(content, validate=True))
            # An import is found by the name that it has there; the file calls itself anything.
            file.name = name
            pool.Add(file)
        return _by_index(pool.FindFileByName(_MAIN_FILE))
    except Exception as error:  # The library raises whatever comes of the bytes, some of it late.
        raise ConfigurationError(f"schema must be a Protobuf descriptor: {error}") from None


def protobuf_set(content: bytes, message: str, *, is_framed: bool) -> Decode:
    """Return the decoder by a compiler's descriptor set; ``message`` is the full name."""
    pool, descriptors = _protobuf_pool()
    try:
        for file in descriptors.FileDescriptorSet.FromString(content).file:
            # A compiler's own copy of a well-known file may differ from the pool's.
            if not file.name.startswith(_WELL_KNOWN) or not _has_file(pool, file.name):
                pool.Add(file)
        descriptor = pool.FindMessageTypeByName(message)
    except Exception as error:
        raise ConfigurationError(
            f"schema.file must hold the descriptor of {message}: {error}"
        ) from None
    to_dict = _to_dict(descriptor)
    if not is_framed:
        return to_dict
    return lambda payload: to_dict(payload[_indexes(payload)[1] :])


def _has_file(pool: Any, name: str) -> bool:
    try:
        pool.FindFileByName(name)
    except KeyError:
        return False
    return True


def _by_index(file: Any) -> Decode:
    """Return a decoder that takes the message's place in its file from the payload's head."""
    messages = list(file.message_types_by_name.values())
    known: dict[tuple[int, ...], Decode] = {}

    def decode(payload: bytes) -> Any:
        path, start = _indexes(payload)
        to_dict = known.get(path)
        if to_dict is None:
            descriptor = messages[path[0]]
            for index in path[1:]:
                descriptor = descriptor.nested_types[index]
            # As many as the file has messages: any other path has failed by now.
            to_dict = known[path] = _to_dict(descriptor)
        return to_dict(payload[start:])

    return decode


def _indexes(payload: bytes) -> tuple[tuple[int, ...], int]:
    """Return the path of the message in its file, and where its bytes begin (zigzag varints)."""
    n, at = _varint(payload, 0)
    if n == 0:
        return (0,), at
    if not 0 < n <= 16:
        raise Fault("schema_mismatch", "value must begin with the place of its message")
    path = []
    for _ in range(n):
        index, at = _varint(payload, at)
        if index < 0:
            # Python would count from the end, and read it as another message.
            raise Fault("schema_mismatch", "value must begin with the place of its message")
        path.append(index)
    return tuple(path), at


def _varint(payload: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = payload[at]
        number |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at
        if shift > _LONGEST_VARINT:
            raise Fault("schema_mismatch", "value must begin with the place of its message")


def _to_dict(descriptor: Any) -> Decode:
    from google.protobuf import json_format, message_factory

    kind = message_factory.GetMessageClass(descriptor)

    def decode(payload: bytes) -> Any:
        # A zero or a false is on the wire by not being there, and an amount of 0 is an amount.
        message = json_format.MessageToDict(
            kind.FromString(payload),
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        return _without_empty(message)

    return decode


def _without_empty(value: Any) -> Any:
    """Return a message without its empty texts: nobody can tell them from fields that are not set."""
    if isinstance(value, dict):
        return {name: _without_empty(inner) for name, inner in value.items() if inner != ""}
    if isinstance(value, list):
        return [_without_empty(inner) for inner in value]
    return value


def _protobuf_pool() -> tuple[Any, Any]:
    """Return a pool that has the well-known types, and the module of descriptors."""
    try:
        from google.protobuf import (
            any_pb2,
            descriptor_pb2,
            descriptor_pool,
            duration_pb2,
            empty_pb2,
            field_mask_pb2,
            struct_pb2,
            timestamp_pb2,
            wrappers_pb2,
        )
    except ImportError:
        raise ConfigurationError(f"Protobuf needs protobuf; {_EXTRA}") from None
    pool = descriptor_pool.DescriptorPool()
    for known in (
        descriptor_pb2,
        any_pb2,
        duration_pb2,
        empty_pb2,
        field_mask_pb2,
        struct_pb2,
        timestamp_pb2,
        wrappers_pb2,
    ):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    return pool, descriptor_pb2
