"""Messages that no producer should send: mutations of valid payments, and plain bytes.

A seed and a number give the same messages.  Each mutation changes one thing that a parser has to get
right, anywhere in the message; some leave the payment valid, and nobody says here which.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from streamer.simulator import Simulator, SimulatorConfig
from tests.faults.layouts import ENVELOPES, LAYOUTS, framed

__all__ = ["MUTATIONS", "Record", "fuzzed", "fuzzed_layouts"]

Record = tuple[bytes | None, bytes | None]
Document = dict[str, Any]
Mutation = Callable[[Document, np.random.Generator], bytes]

_VALID: Final = 2_000
_SHARE_VALID: Final = 0.3
_SHARE_RAW: Final = 0.06
_SHARE_LARGE: Final = 0.002
_SHARE_FRAMED: Final = 0.12
_SHARE_ENVELOPED: Final = 0.6
# Where the mutated part of a message goes; JSON writes it as it is.
_PLACE: Final = "@here@"
# Below what a broker takes by default, key and headers included; above what a dead letter may have.
_LARGEST: Final = 990_000
_ODD_VALUES: Final = (
    "null", "true", "[]", "{}", '""', '"0"', "0", "-1", "-0.0", "[[]]", '{"a":[1,{"b":null}]}',
    '"\\u0000"', '"EUR"', "12.5", '"2026-02-30T00:00:00Z"', '"0001-01-01T00:00:00Z"', '"x"',
)  # fmt: skip
_HUGE_NUMBERS: Final = (
    "1e308", "1e309", "-1e309", "5e-324", "9" * 400, "0." + "0" * 400 + "1", "18446744073709551616",
    "-9223372036854775809", "1E+999999999", "1e-999999999", "0x10", "1_000", "01", "+1", ".5", "5.",
)  # fmt: skip
_NO_NUMBERS: Final = ("NaN", "Infinity", "-Infinity", "nan", '"NaN"', "1e", "--1", "undefined")
_ODD_TEXTS: Final = (
    "\\ud800", "\\udc00\\ud800", "\\u202e", "\\uFFFF", "\u202e\u2066", "e\u0301" * 60, "卡" * 128,
    "\\u0000", "\\x41", "\\", "\n", "\t", "\U0001f4b3", "\\ud83d\\udcb3", "İıſK", "'; DROP", "a" * 129,
)  # fmt: skip
_ENCODINGS: Final = ("utf-16", "utf-16-le", "utf-32", "utf-7", "utf-8-sig", "cp037", "latin-1")


def fuzzed(n: int, seed: int) -> Iterator[Record]:
    """Yield ``n`` records, keys odd ones at times."""
    rng = np.random.default_rng(seed)
    for document in _payments(n, seed, rng):
        draw = rng.random()
        if draw < _SHARE_RAW:
            value: bytes | None = _raw(rng)
        elif draw < _SHARE_RAW + _SHARE_LARGE:
            value = _large(document, rng)
        elif draw < 1 - _SHARE_VALID:
            value = _mutated(document, rng)
        else:
            value = json.dumps(document).encode()
        yield _key(document, rng), value


def fuzzed_layouts(n: int, seed: int, layouts: Sequence[str] = tuple(LAYOUTS)) -> Iterator[Record]:
    """Yield ``n`` records in these layouts, some in envelopes or frames, most of them mutated."""
    rng = np.random.default_rng(seed)
    envelopes = list(ENVELOPES.values())
    for i, document in enumerate(_payments(n, seed, rng)):
        draw = rng.random()
        if draw < _SHARE_RAW:
            value: bytes | None = _raw(rng)
        elif draw < _SHARE_RAW + _SHARE_LARGE:
            value = _large(document, rng)
        elif draw < _SHARE_RAW + _SHARE_LARGE + _SHARE_FRAMED:
            value = framed(document, i)
            value = value if rng.random() < _SHARE_VALID else _bytes_changed(value, rng)
        else:
            content: Any = LAYOUTS[_choose(layouts, rng)](document, i)
            if rng.random() < _SHARE_ENVELOPED:
                content = _choose(envelopes, rng)(content)
            is_valid = rng.random() < _SHARE_VALID
            value = json.dumps(content).encode() if is_valid else _mutated_within(content, rng)
        yield _key(document, rng), value


def _payments(n: int, seed: int, rng: np.random.Generator) -> Iterator[Document]:
    made = Simulator(SimulatorConfig(seed=seed, n_customers=300)).generate(_VALID)
    valid = [json.loads(value) for _, value in made.records()]
    for i in range(n):
        # Another id each time: a payment that comes again is another matter.
        yield valid[int(rng.integers(_VALID))] | {"transaction_id": f"fuzz-{seed}-{i}"}


def _mutated(document: Document, rng: np.random.Generator) -> bytes:
    return MUTATIONS[_choose(list(MUTATIONS), rng)](document, rng)


def _mutated_within(content: Any, rng: np.random.Generator) -> bytes:
    """Mutate one of the objects in a message, the outermost one or any below it."""
    text = json.dumps(content)
    objects = list(_objects(content))
    if not objects:
        return _bytes_changed(text.encode(), rng)
    where = _choose(objects, rng)
    around = json.dumps(_replaced(content, where)).encode()
    return around.replace(json.dumps(_PLACE).encode(), _mutated(where, rng), 1)


def _objects(content: Any) -> Iterator[Document]:
    if isinstance(content, dict):
        if content:
            yield content
        content = list(content.values())
    if isinstance(content, list):
        for inner in content:
            yield from _objects(inner)


def _replaced(content: Any, where: Document) -> Any:
    if content is where:
        return _PLACE
    if isinstance(content, dict):
        return {name: _replaced(inner, where) for name, inner in content.items()}
    if isinstance(content, list):
        return [_replaced(inner, where) for inner in content]
    return content


def _bytes_changed(value: bytes, rng: np.random.Generator) -> bytes:
    """Flip bytes, the first ones more often than others, or cut the end off, or add one."""
    raw = bytearray(value)
    for _ in range(int(rng.integers(1, 4))):
        within = 8 if rng.random() < 0.5 else len(raw)
        raw[int(rng.integers(min(within, len(raw))))] = int(rng.integers(256))
    if rng.random() < 0.2:
        return bytes(raw[: int(rng.integers(len(raw)))])
    return bytes(raw) + (rng.bytes(3) if rng.random() < 0.2 else b"")


def _key(document: Document, rng: np.random.Generator) -> bytes | None:
    draw = rng.random()
    if draw < 0.95:
        return str(document["card_id"]).encode()
    return None if draw < 0.97 else rng.bytes(int(rng.integers(0, 300)))


def _raw(rng: np.random.Generator) -> bytes | None:
    if rng.random() < 0.1:
        return None
    return rng.bytes(int(rng.integers(0, 400)))


def _large(document: Document, rng: np.random.Generator) -> bytes:
    """One enormous text, in a field of the contract or beside it."""
    name = _choose(["card_id", "transaction_id", "merchant_id", "note"], rng)
    return json.dumps(document | {name: "x" * int(rng.integers(1_000, _LARGEST))}).encode()


def _choose(options: Any, rng: np.random.Generator) -> Any:
    return options[int(rng.integers(len(options)))]


def _with_raw(document: Document, rng: np.random.Generator, raw: str) -> bytes:
    """Put ``raw`` into the JSON in place of one field's value."""
    name = _choose(list(document), rng)
    fields = {key: json.dumps(value) for key, value in document.items()} | {name: raw}
    return _joined(list(fields.items()))


def _joined(fields: list[tuple[str, str]]) -> bytes:
    text = "{" + ",".join(f'"{name}":{value}' for name, value in fields) + "}"
    return text.encode(errors="surrogatepass")


def _other_type(document: Document, rng: np.random.Generator) -> bytes:
    return _with_raw(document, rng, _choose(_ODD_VALUES, rng))


def _missing(document: Document, rng: np.random.Generator) -> bytes:
    gone = _choose(list(document), rng)
    return json.dumps({name: v for name, v in document.items() if name != gone}).encode()


def _huge_number(document: Document, rng: np.random.Generator) -> bytes:
    return _with_raw(document, rng, _choose(_HUGE_NUMBERS, rng))


def _no_number(document: Document, rng: np.random.Generator) -> bytes:
    return _with_raw(document, rng, _choose(_NO_NUMBERS, rng))


def _nested(document: Document, rng: np.random.Generator) -> bytes:
    depth = int(rng.integers(1, 3_000))
    opened, closed = _choose([("[", "]"), ('{"a":', "}"), ("[", ""), ('[{"a":', "}]")], rng)
    return _with_raw(document | {"extra": 0}, rng, opened * depth + "1" + closed * depth)


def _odd_text(document: Document, rng: np.random.Generator) -> bytes:
    return _with_raw(document, rng, f'"{_choose(_ODD_TEXTS, rng)}"')


def _twice(document: Document, rng: np.random.Generator) -> bytes:
    """A key that comes again, with the same value or another one."""
    fields = [(name, json.dumps(value)) for name, value in document.items()]
    again, value = _choose(fields, rng)
    fields.insert(int(rng.integers(len(fields))), (again, _choose([value, "1", '"EUR"'], rng)))
    return _joined(fields)


def _encoded(document: Document, rng: np.random.Generator) -> bytes:
    text = json.dumps(document | {"note": "Käse"}, ensure_ascii=False)
    return text.encode(_choose(_ENCODINGS, rng))


def _flipped(document: Document, rng: np.random.Generator) -> bytes:
    raw = bytearray(json.dumps(document).encode())
    for _ in range(int(rng.integers(1, 5))):
        raw[int(rng.integers(len(raw)))] = int(rng.integers(256))
    return bytes(raw)


def _cut(document: Document, rng: np.random.Generator) -> bytes:
    raw = json.dumps(document).encode()
    return raw[: int(rng.integers(len(raw)))]


def _surrounded(document: Document, rng: np.random.Generator) -> bytes:
    before, after = _choose([(b" ", b"\n"), (b"", b"x"), (b"[", b"]"), (b"\x00", b"")], rng)
    return bytes(before + json.dumps(document).encode() + after)


MUTATIONS: Final[dict[str, Mutation]] = {
    "another type": _other_type,
    "a field missing": _missing,
    "a huge number": _huge_number,
    "not a number": _no_number,
    "deeply nested": _nested,
    "odd text": _odd_text,
    "a key twice": _twice,
    "another encoding": _encoded,
    "bytes flipped": _flipped,
    "cut off": _cut,
    "something around it": _surrounded,
}
