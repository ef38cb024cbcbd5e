"""A card's number that somebody types into the console, wherever they can: it goes nowhere."""

from __future__ import annotations

import html
import json
from urllib.parse import quote

import pytest

from tests.console.conftest import Reviewer, Stand, alert, arrived, key_of
from tests.contract.card_samples import SPELLINGS, digits_in

PAN = "4929123456781236"
ONE = "/alerts/transactions-0-1"


@pytest.mark.parametrize("spelling", ["plain", "zero width"])
def test_it_is_on_no_page_no_topic_and_in_no_line(
    stand: Stand, spelling: str, capfd: pytest.CaptureFixture[str]
) -> None:
    typed = SPELLINGS[spelling](PAN)
    shown: list[str] = []
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona, lea = Reviewer(client, "mona"), Reviewer(client, "lea")
        # The page that was asked for before the login, and who is asked to log in.
        shown.append(mona.get(f"/alerts/{quote(typed)}").text)
        shown.append(mona.post("/login", mona.get("/login"), name=typed, password="x").text)
        mona.login()
        lea.login()
        page = mona.get(ONE)
        fields = {"verdict": "fraud", "key": key_of(page), "comment": f"of {typed}"}
        refused = mona.post(f"{ONE}/verdict", page, **fields)
        assert (refused.status_code, "may be a card number" in refused.text) == (400, True)
        assert refused.text.count("*") >= len(PAN)
        put_off = {"kind": "card", "days": "7", "reason": "other, see comment"}
        shown += [
            refused.text,
            mona.post(f"{ONE}/snooze", page, **put_off, comment=typed).text,
            mona.get(f"/alerts/{quote(typed)}").text,
            mona.post(f"/alerts/{quote(typed)}/verdict", page, **fields).text,
            mona.post("/budget/propose", page, key=key_of(page), step="32", reason=typed).text,
            mona.post("/find", page, wanted=typed).text,
            lea.post("/budget/propose", lea.get("/"), key="x", step="32", reason=typed).text,
            lea.post("/proposals/none/decide", lea.get("/"), state="approved", remark=typed).text,
        ]
    out, log = capfd.readouterr()
    entries = stand.read(stand.settings.audit_topic, 4)
    for text in (*map(html.unescape, shown), out, log, json.dumps(entries, ensure_ascii=False)):
        assert PAN not in digits_in(text), text
