"""A masked card is scored, remembered and judged as one that came with another id would be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from streamer.contract.card_rule import CardRule
from streamer.contract.messages import Feedback
from streamer.verdicts import apply_verdicts
from tests.builders import batch, pipeline_config, state_of
from tests.contract.card_samples import with_check_digit
from tests.pipeline.helpers import Run, ordinary, run, trained

RULE = CardRule("mask", b"0123456789abcdef")
CONFIG = replace(
    pipeline_config(), cards=RULE, with_scores=True, with_features=True, repeat_window=10_000
)


def number_of(card: str) -> str:
    return with_check_digit("40001234" + f"{int(card.removeprefix('card-')):07d}")


def sent() -> list[dict[str, Any]]:
    found = ordinary(600, seed=5)
    for payment in found[::50]:
        payment["amount"] = 50_000.0
    return found


def ran(values: list[dict[str, Any]]) -> Run:
    cuts = range(0, len(values), 150)
    return run([batch(values[i : i + 150], i) for i in cuts], CONFIG, trained(), state_of(CONFIG))


def test_scores_features_alerts_and_state_are_those_of_the_masked_ids() -> None:
    """Bit by bit, though each card comes in two spellings."""
    by_number, by_mask = [], []
    for i, payment in enumerate(sent()):
        number = number_of(payment["card_id"])
        spelled = number if i % 2 else f"{number[:4]}-{number[4:]}"
        by_number.append(payment | {"card_id": spelled})
        by_mask.append(payment | {"card_id": RULE.id_of(number)})
    numbers, masks = ran(by_number), ran(by_mask)
    assert len(numbers.alerts) > 5
    for one, other in zip(numbers.outcomes, masks.outcomes, strict=True):
        for name in ("alerts", "scores", "features"):
            told = [msgspec.json.encode(getattr(each, name)) for each in (one, other)]
            assert told[0] == told[1]
        assert (one.ledger, one.n_late) == (other.ledger, other.n_late)
        assert not one.dead_letters
    tables = numbers.state.tables.all(), masks.state.tables.all()
    for one_table, other_table in zip(*tables, strict=True):
        assert one_table.records.tobytes() == other_table.records.tobytes()


def test_a_masked_payment_that_comes_again_is_known_and_a_verdict_on_it_is_the_cards() -> None:
    """Whether the verdict names the card by its mask or not at all."""
    values = [payment | {"card_id": number_of(payment["card_id"])} for payment in sent()]
    of_all = ran(values)
    state = of_all.state
    again = run([batch(values[:50], 600)], CONFIG, trained(), state).outcomes[0]
    assert (again.ledger.repeated, again.ledger.scored) == (50, 0)
    paid = values[599]
    mask = RULE.id_of(paid["card_id"])
    at = datetime(2026, 3, 1, tzinfo=UTC)
    verdict = Feedback(paid["transaction_id"], None, "fraud", "reviewer", at, None)
    before = state.tables.card_verdicts.records.copy()
    apply_verdicts([verdict], state.verdicts, state.tables, state.delta, trained())
    standing = state.verdicts.rulings.get(paid["transaction_id"])
    assert standing is not None
    assert standing.card_id == mask
    assert before.tobytes() != state.tables.card_verdicts.records.tobytes()
