"""One message through the decoder, by no intake or a preset's: what a fuzzer calls for each input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamer.intake import Intake, preset_names
from streamer.intake.by_name import load_declaration
from streamer.intake.decoding import decode_batch
from tests.builders import batch, pipeline_config
from tests.faults.fuzzed import fuzzed, fuzzed_layouts
from tests.faults.layouts import LAYOUTS

__all__ = ["decode", "seeds"]

_BELIEVABLE: Final = pipeline_config().believable
_NAMES: Final = ("", *preset_names())
_INTAKES: Final = [Intake(load_declaration(name)) if name else Intake() for name in _NAMES]


def decode(data: bytes) -> None:
    """Decode ``data``, whose first byte chooses the intake; raises unless it comes to be one thing."""
    if not data:
        return
    intake = _INTAKES[data[0] % len(_INTAKES)]
    decoded = decode_batch(batch([data[1:]]), _BELIEVABLE, intake)
    letters = decoded.dead_letters
    n = len(decoded.transactions) + len(letters) + sum(decoded.passed_over.values())
    assert n == 1, f"a message must come to be one thing, got {n}"
    assert not letters or letters[0].reason != "unreadable", letters[0].detail


def seeds(n: int, seed: int) -> Iterator[bytes]:
    """Yield about ``n`` inputs for each intake: messages in its own layout, mutated or not."""
    for i, name in enumerate(_NAMES):
        layouts = (name,) if name in LAYOUTS else tuple(LAYOUTS)
        messages = fuzzed_layouts(n, seed, layouts) if name else fuzzed(n, seed)
        yield from (bytes([i]) + value for _, value in messages if value is not None)
