"""Messages that no producer should send: through a worker as a whole, and shrunk at the decoder."""

from __future__ import annotations

import json
from collections import Counter
from typing import NoReturn

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.contract.batch import Batch
from streamer.intake import Intake, Payment, Refund, Skipped, outcome_of, preset_names
from streamer.intake.by_name import load_declaration
from streamer.intake.decoding import Decoded, TimestampRange, decode_batch
from tests.builders import batch, payment, pipeline_config
from tests.faults import one_message
from tests.faults.fuzz import fuzz, mapped
from tests.faults.fuzzed import MUTATIONS, fuzzed, fuzzed_layouts
from tests.faults.layouts import ENVELOPES, LAYOUTS
from tests.intake.messages import ARRIVED_MS
from tests.intake.test_fuzz import check
from tests.rig.apache_kafka import ApacheKafka

# A fifth of what `make fuzz` sends, for the time that CI has.
N = 20_000
N_MAPPED = 6_000
BELIEVABLE = pipeline_config().believable


def test_fuzzed_messages_leave_a_worker_alive_exact_and_no_larger(
    apache_kafka: ApacheKafka, redis_url: str
) -> None:
    """Every offset is scored, a dead letter or passed over, once, and memory is flat."""
    result = fuzz(apache_kafka.bootstrap_servers, redis_url, fuzzed(N, seed=1), {})
    assert result.faults == [], result
    # Most mutations spoil a payment, and a third of the messages are not mutated.
    assert 0.3 * N < result.ledger.scored < 0.6 * N


def test_every_layout_fuzzed_through_a_mapping_leaves_a_worker_alive_and_exact(
    apache_kafka: ApacheKafka, redis_url: str
) -> None:
    """Envelopes, presets' layouts and frames of a registry, by one declaration that maps most."""
    with mapped() as settings:
        messages = fuzzed_layouts(N_MAPPED, seed=1)
        result = fuzz(apache_kafka.bootstrap_servers, redis_url, messages, settings)
    assert result.faults == [], result
    assert result.ledger.scored > 0.15 * N_MAPPED
    assert result.ledger.skipped > 0.05 * N_MAPPED


def test_no_preset_raises_on_any_layout() -> None:
    """Each preset on its own layout, mutated, and on those of the others."""
    for name in preset_names():
        intake = Intake(load_declaration(name))
        for _, value in fuzzed_layouts(400, 3, (name, name, "contract", *LAYOUTS)):
            check(intake, value)


def test_layouts_are_what_they_are_meant_to_be() -> None:
    """Unmutated, each is a payment by its own preset and in nearly every envelope."""
    at = {"transaction_id": "t-9", "timestamp": "2026-11-28T05:58:00Z"}
    document = payment(card_id="card-1", merchant_id="m-1", **at)
    for name in preset_names():
        (reading,) = Intake(load_declaration(name)).read(
            json.dumps(LAYOUTS[name](document, 12)).encode(), position="0-1", arrived_ms=ARRIVED_MS
        )
        assert isinstance(reading, Payment | Skipped | Refund), (name, reading)
    outcomes = Counter(
        outcome_of(reading)
        for envelope in ENVELOPES.values()
        for reading in Intake().read(json.dumps(envelope(document)).encode())
    )
    assert outcomes == {"payment": len(ENVELOPES), "skipped": 1}


def test_a_seed_gives_the_same_messages_and_every_mutation() -> None:
    """The command that a failure is replayed with is the seed alone."""
    for made in (fuzzed, fuzzed_layouts):
        assert list(made(300, 7)) == list(made(300, 7))
        assert list(made(300, 7)) != list(made(300, 8))
    rng = np.random.default_rng(1)
    for name, mutate in MUTATIONS.items():
        made = {mutate(payment(merchant_id="m"), rng) for _ in range(20)}
        assert len(made) > 1, name


_fragments = st.one_of(
    st.sampled_from(
        ["null", "true", "[]", "{}", '""', "NaN", "-0", "1e999", '"\\ud800"', "[" * 999]
    ),
    st.integers().map(str),
    st.floats().map(repr),
    st.text(max_size=8).map(json.dumps),
    st.text(max_size=8),
)
_names = st.sampled_from([*payment(), "merchant_id", "mcc", "country", "latitude", "channel", "x"])


@given(
    changes=st.lists(st.tuples(_names, _fragments), max_size=4),
    dropped=st.sets(_names, max_size=2),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig", "utf-7"]),
    cut=st.none() | st.integers(0, 200),
    edits=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=3),
)
def test_a_mutated_payment_is_a_transaction_or_a_dead_letter_with_a_reason(
    changes: list[tuple[str, str]],
    dropped: set[str],
    encoding: str,
    cut: int | None,
    edits: list[tuple[int, int]],
) -> None:
    """Nothing raises, and the good payments before and after it are what they were."""
    fields = [(name, json.dumps(v)) for name, v in payment().items() if name not in dropped]
    text = "{" + ",".join(f'"{name}":{raw}' for name, raw in [*fields, *changes]) + "}"
    raw = bytearray(text.encode(encoding, errors="surrogatepass")[:cut])
    for place, byte in edits:
        if raw:
            raw[place % len(raw)] = byte
    decoded = decode_batch(batch([payment(1), bytes(raw), payment(2)]), BELIEVABLE)
    n_passed_over = sum(decoded.passed_over.values())
    assert len(decoded.transactions) + len(decoded.dead_letters) + n_passed_over == 3
    assert {"t-1", "t-2"} <= {t.transaction_id for t in decoded.transactions}
    for letter in decoded.dead_letters:
        assert letter.record.offset == 1
        assert letter.detail
        assert "\n" not in letter.detail


def test_what_the_guided_fuzzer_begins_with_comes_to_be_one_thing_each() -> None:
    """For no intake and for each preset; that it would notice is the test below."""
    inputs = list(one_message.seeds(40, 2))
    assert len({data[0] for data in inputs}) == 1 + len(preset_names())
    for data in inputs:
        one_message.decode(data)


def test_the_guided_fuzzer_notices_a_message_that_comes_to_be_two_things_or_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And an intake that fails on one."""
    message = b"\x00" + json.dumps(payment()).encode()
    one_message.decode(message)

    def lost(records: Batch, believable: TimestampRange, intake: Intake) -> Decoded:
        return decode_batch(records, believable, intake).only([])

    def broken(self: Intake, value: bytes | None, **_: object) -> NoReturn:
        raise KeyError("card")

    monkeypatch.setattr(one_message, "decode_batch", lost)
    with pytest.raises(AssertionError, match="one thing, got 0"):
        one_message.decode(message)
    monkeypatch.undo()
    monkeypatch.setattr(Intake, "read", broken)
    with pytest.raises(AssertionError, match="got KeyError"):
        one_message.decode(b"\x00{")
