"""Payments as tensors, as the Open Inference Protocol has them: one per field, a row a payment.

https://github.com/kserve/open-inference-protocol, version 2.  A field that a payment does not have is
an empty text or NaN.  What cannot be scored has NaN for its numbers, and says why in ``error``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from streamer.contract.answer_message import Answer
from streamer.serving.questions import Refusal

__all__ = [
    "INPUTS",
    "MODEL",
    "OUTPUTS",
    "PLATFORM",
    "Tensor",
    "TensorError",
    "bytes_of",
    "elements_of",
    "metadata",
    "payments_in",
    "tensors_of",
    "text_of",
]

MODEL: Final = "streamer"
PLATFORM: Final = "streamer_kmeans"

INPUTS: Final = {
    "transaction_id": "BYTES",
    "card_id": "BYTES",
    "amount": "FP64",
    "currency": "BYTES",
    "timestamp": "BYTES",
    "merchant_id": "BYTES",
    "mcc": "BYTES",
    "country": "BYTES",
    "latitude": "FP64",
    "longitude": "FP64",
    "channel": "BYTES",
}
"""The fields of a payment, with their datatypes."""
OUTPUTS: Final = {
    "score": "FP64",
    "alert": "BOOL",
    "probability": "FP64",
    "threshold": "FP64",
    "error": "BYTES",
    "reasons": "BYTES",
}
"""What is answered; ``reasons``, a JSON list each, only where it is asked for by name."""

_FLOATS: Final = {"FP64": "<f8", "FP32": "<f4", "FP16": "<f2"}
_OTHERS: Final = {
    "BOOL": "?",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
}
_NUMBERS: Final = _FLOATS | _OTHERS
_LENGTH: Final = struct.Struct("<I")


class TensorError(Exception):
    """Tensors that are no payments; the text says what must be and what was."""


class Tensor(NamedTuple):
    """``data`` are the elements, texts as str."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Sequence[Any]


def payments_in(tensors: Sequence[Tensor], most: int) -> list[bytes]:
    """Return the messages of the payments whose fields ``tensors`` are, ``most`` at most."""
    if not tensors:
        raise TensorError("inputs must be tensors of a payment's fields, got none")
    n = len(tensors[0].data)
    if not 1 <= n <= most:
        raise TensorError(f"inputs must be of 1 to {most} payments, got {n}")
    fields: dict[str, Sequence[Any]] = {}
    for tensor in tensors:
        wanted = INPUTS.get(tensor.name)
        if wanted is None:
            raise TensorError(f"inputs must be among {', '.join(INPUTS)}, got another name")
        if (tensor.datatype == "BYTES") != (wanted == "BYTES"):
            raise TensorError(f"{tensor.name} must be of {wanted}, got {tensor.datatype[:8]}")
        if len(tensor.data) != n or math.prod(tensor.shape) != n:
            told = f"shape {list(tensor.shape)} and {len(tensor.data)} elements"
            raise TensorError(
                f"{tensor.name} must have {n} elements, as the others have, got {told}"
            )
        if tensor.name in fields:
            raise TensorError(f"{tensor.name} must be there once, got it twice")
        fields[tensor.name] = tensor.data
    return [
        msgspec.json.encode(
            {name: each[i] for name, each in fields.items() if not _is_missing(each[i])}
        )
        for i in range(n)
    ]


def tensors_of(found: Sequence[Answer | Refusal], wanted: Sequence[str]) -> list[Tensor]:
    """Return the answers as the tensors that are ``wanted``; all but reasons where none is named."""
    unknown = [name for name in wanted if name not in OUTPUTS]
    if unknown:
        raise TensorError(f"outputs must be among {', '.join(OUTPUTS)}, got another name")
    names = wanted or [name for name in OUTPUTS if name != "reasons"]
    return [
        Tensor(name, OUTPUTS[name], (len(found),), [_element(name, each) for each in found])
        for name in names
    ]


def _element(name: str, found: Answer | Refusal) -> Any:
    if isinstance(found, Refusal):
        refused = {"alert": False, "error": f"{found.path}: {found.detail}", "reasons": "[]"}
        return refused.get(name, math.nan)
    if name == "alert":
        return found.decision == "alert"
    if name == "error":
        return "the model is still in its warm-up" if found.decision == "warming" else ""
    if name == "reasons":
        return msgspec.json.encode(found.reasons or []).decode()
    value = getattr(found, name)
    return math.nan if value is None else value


def _is_missing(value: Any) -> bool:
    return value in ("", None) or (isinstance(value, float) and math.isnan(value))


def elements_of(content: bytes, datatype: str) -> list[Any]:
    """Return the elements that lie in ``content`` as the protocol's binary form has them."""
    if datatype != "BYTES":
        row = _NUMBERS.get(datatype)
        if row is None:
            raise TensorError(f"datatype must be BYTES or a number's, got {datatype[:8]}")
        if len(content) % np.dtype(row).itemsize:
            raise TensorError(f"a tensor of {datatype} must have whole elements, got a part of one")
        elements: list[Any] = np.frombuffer(content, row).tolist()
        return elements
    found, at = [], 0
    while at < len(content):
        end = at + _LENGTH.size
        length = _LENGTH.unpack(content[at:end])[0] if end <= len(content) else len(content)
        if end + length > len(content):
            raise TensorError("a tensor of BYTES must have lengths that fit, got one too long")
        found.append(text_of(content[end : end + length]))
        at = end + length
    return found


def bytes_of(tensor: Tensor) -> bytes:
    """Return the elements of a tensor in the protocol's binary form."""
    if tensor.datatype != "BYTES":
        return np.array(tensor.data, _NUMBERS[tensor.datatype]).tobytes()
    texts = [text.encode() for text in tensor.data]
    return b"".join(part for text in texts for part in (_LENGTH.pack(len(text)), text))


def text_of(content: bytes) -> str:
    """Return an element of BYTES, which must be UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise TensorError("elements of BYTES must be UTF-8, got another byte") from None


def metadata(names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what the protocol tells of tensors."""
    return [{"name": name, "datatype": kind, "shape": [-1]} for name, kind in names.items()]
