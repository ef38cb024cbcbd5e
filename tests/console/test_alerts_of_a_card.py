"""Alerts are found by their card: its id, its pseudonym under any key, or its number that is masked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
from pydantic import SecretStr

from streamer.contract.card_rule import CardRule
from streamer.contract.messages import Alert
from streamer.contract.pseudonyms import pseudonym
from tests.console.conftest import Reviewer, Stand, alert, arrived
from tests.rig.swapped import SwappedFile

OLD, NEW = b"old-key-of-the-cards", b"new-key-of-the-cards"
PAN = "4929123456781236"


def named(number: int, card: str, key: bytes, *others: bytes) -> Alert:
    """Return an alert as a worker with these keys writes it."""
    made = alert(number, card_id=pseudonym(card, key))
    return msgspec.structs.replace(
        made,
        event_time=made.event_time + timedelta(minutes=number),
        other_card_ids=[pseudonym(card, each) for each in others],
    )


def test_alerts_from_before_and_after_a_change_of_key_are_found_by_card_and_pseudonyms(
    stand: Stand, tmp_path: Path
) -> None:
    """The console takes the new key up while it runs; a page shows the alerts under both."""
    file = SwappedFile(tmp_path, "keys", f"old:{OLD.decode()}")
    stand.publish([named(1, "c-1", OLD), named(2, "c-2", OLD), named(3, "c-1", NEW, OLD)])
    with stand.console(alert_card_keys_file=file.path) as (console, client):
        arrived(console, client, 3)
        mona = Reviewer(client, "mona")
        queue = mona.login()

        def found(wanted: str) -> str:
            return str(mona.post("/find", queue, wanted=wanted).url.path)

        assert found("c-1") == "/alerts/transactions-0-1"
        file.swap(f"new:{NEW.decode()}\nold:{OLD.decode()}")
        assert found("c-1") == "/alerts/transactions-0-3"
        assert found(pseudonym("c-1", OLD)) == "/alerts/transactions-0-1"
        assert found(pseudonym("c-1", NEW)) == "/alerts/transactions-0-3"
        assert found("c-2") == "/alerts/transactions-0-2"
        assert mona.post("/find", queue, wanted="c-3").status_code == 404
        page = mona.get("/alerts/transactions-0-3/export.json").json()
        beside = [each["alert_id"] for each in page["alerts_of_the_card"]]
        assert sorted(beside) == ["transactions-0-1", "transactions-0-3"]


def test_a_card_that_was_put_off_under_its_old_pseudonym_is_put_off_still(stand: Stand) -> None:
    stand.publish([named(1, "c-1", OLD), named(2, "c-1", NEW, OLD), named(3, "c-2", NEW, OLD)])
    with stand.console() as (console, client):
        arrived(console, client, 3)
        mona = Reviewer(client, "mona")
        mona.login()
        page = mona.get("/alerts/transactions-0-1")
        put = {"kind": "card", "reason": "the customer travels", "days": "3", "comment": ""}
        assert mona.post("/alerts/transactions-0-1/snooze", page, **put).status_code == 200
        assert "the customer travels" in mona.get("/alerts/transactions-0-2").text
        assert mona.get("/").text.count("the customer travels") <= 2
        assert "snoozed by" not in mona.get("/alerts/transactions-0-3").text


def test_a_number_is_looked_for_under_its_mask_or_not_at_all_and_is_in_no_page(
    stand: Stand,
) -> None:
    key = "0123456789abcdef"
    mask = CardRule("mask", key.encode()).id_of(PAN)
    stand.publish([alert(1, card_id=mask), alert(2, card_id="c-2")])
    with stand.console() as (console, client):
        arrived(console, client, 2)
        mona = Reviewer(client, "mona")
        queue = mona.login()
        for wanted in (PAN, "4929 1234-5678 1236"):
            told = mona.post("/find", queue, wanted=wanted, topic="1")
            assert (told.status_code, "are not kept here" in told.text) == (400, True)
            assert "1236" not in told.text
        assert PAN not in mona.get(f"/alerts/{PAN}").text
    changes = {"card_numbers": "mask", "card_number_key": SecretStr(key)}
    with stand.console(**changes) as (console, client):
        mona = Reviewer(client, "mona")
        queue = mona.login()
        shown = mona.post("/find", queue, wanted="4929 1234-5678 1236")
        assert shown.url.path == "/alerts/transactions-0-1"
        gone = mona.post("/find", queue, wanted="4111111111111111")
        assert (gone.status_code, "4111111111111111" in gone.text) == (404, False)
