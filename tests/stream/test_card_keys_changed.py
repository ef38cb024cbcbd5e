"""The key of pseudonyms is changed while workers run: verdicts under both keys count for the card."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from streamer.contract.messages import Alert
from streamer.contract.pseudonyms import pseudonym
from streamer.features.kinds import CARD_VERDICTS
from streamer.indexing.prints import fingerprints
from tests.rig.swapped import SwappedFile
from tests.stream.harness import Record, Service, payments, wait_until

MakeService = Callable[..., Service]
OLD, NEW = "old-key-of-the-cards", "new-key-of-the-cards"
WARM, MORE = 500, 500


def costly(records: list[Record]) -> list[Record]:
    """Return payments of which one in ten alerts."""
    return [
        (
            key,
            json.dumps(
                json.loads(value or b"") | ({"amount": 9e4} if i % 10 == 0 else {})
            ).encode(),
        )
        for i, (key, value) in enumerate(records)
    ]


def verdicts_of_cards(service: Service, cards: list[str]) -> dict[str, tuple[float, float]]:
    """Return frauds and verdicts that are counted for each of the cards, of those that have any."""
    topic, names = service.settings.transactions_topic, list(map(str, fingerprints(cards).tolist()))
    asked = {0: {CARD_VERDICTS.name: names}}
    states = service.ask(lambda store: store.lookups.read_states(topic, asked))[0].states
    found = {}
    for card, state in zip(cards, states[CARD_VERDICTS.name], strict=True):
        if state is not None:
            row = np.frombuffer(state, CARD_VERDICTS.row)[0]
            found[card] = float(row["frauds"].item()), float(row["verdicts"].item())
    return found


def test_alerts_of_both_keys_are_judged_for_their_cards_and_none_is_lost(
    make_service: MakeService, tmp_path: Path
) -> None:
    """By a link that is moved, as Kubernetes and Vault Agent do it, with no restart."""
    file = SwappedFile(tmp_path, "keys", f"2026-05:{OLD}\n")
    service = make_service(n_partitions=1, alert_card_keys_file=str(file.path))
    worker = service.worker().wait_ready()
    usual = payments(WARM + 2 * MORE)
    sent = usual[:WARM] + costly(usual[WARM:])
    service.produce(sent[:WARM])
    service.wait_consumed()
    service.produce(sent[WARM:-MORE])
    service.wait_consumed()
    before = service.alerts() + service.overflow()
    # A fault in the file changes nothing.
    file.swap("2026-11 is to come\n")
    wait_until(lambda: worker.wrote("card keys not taken up"), worker.log)
    file.swap(f"# two of them\n2026-11:{NEW}\n2026-05:{OLD}\n")
    wait_until(lambda: worker.wrote("card keys taken up"), worker.log)
    assert not worker.wrote(NEW)
    service.produce(sent[-MORE:])
    service.wait_consumed()
    after = [
        alert
        for alert in service.alerts() + service.overflow()
        if alert.source.offset >= WARM + MORE
    ]
    cards = [json.loads(value or b"")["card_id"] for _, value in sent]
    old, new = OLD.encode(), NEW.encode()
    assert before
    assert after
    for alert in before:
        card = cards[alert.source.offset]
        assert (alert.transaction.card_id, alert.other_card_ids) == (pseudonym(card, old), [])
    for alert in after:
        card = cards[alert.source.offset]
        assert alert.transaction.card_id == pseudonym(card, new)
        assert alert.other_card_ids == [pseudonym(card, old)]
    judged = verdicts(before + after)
    told = [(None, json.dumps(each).encode()) for each in judged]
    service.produce(told, service.settings.feedback_topic)
    alerts = before + after
    wait_until(lambda: worker.metric("streamer_verdicts_learned_total") >= len(alerts), worker.log)
    expected = Counter(cards[alert.source.offset] for alert in alerts)

    def counted() -> dict[str, tuple[float, float]]:
        return verdicts_of_cards(service, list(expected))

    wait_until(lambda: len(counted()) == len(expected), worker.log)
    for card, (frauds, n) in counted().items():
        # All were decided at one time, so that nothing has faded.
        assert (frauds, n) == (expected[card], expected[card]), card
    aliases = [pseudonym(card, key) for card in expected for key in (old, new)]
    assert verdicts_of_cards(service, aliases) == {}
    assert service.dead_letters(service.settings.feedback_dead_letters_topic) == []
    both = {cards[a.source.offset] for a in before} & {cards[a.source.offset] for a in after}
    assert both, "a card must have alerts under both keys"
    service.assert_exact()


def verdicts(alerts: list[Alert]) -> list[dict[str, Any]]:
    """Return a reviewer's verdict on each alert, under its own pseudonym or the other's.

    By the payment's id, by the alert's, or both.
    """
    found: list[dict[str, Any]] = []
    now = datetime.now(UTC).isoformat()
    for i, alert in enumerate(alerts):
        names = [alert.transaction.card_id, *alert.other_card_ids]
        verdict: dict[str, Any] = {
            "verdict": "fraud",
            "origin": "reviewer",
            "decided_at": now,
            "card_id": names[i % len(names)],
        }
        if i % 3 != 1:
            verdict["transaction_id"] = alert.transaction.transaction_id
        if i % 3 != 0:
            verdict["alert_id"] = alert.alert_id
        found.append(verdict)
    return found
