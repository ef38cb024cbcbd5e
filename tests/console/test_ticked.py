"""What a lead ticks in the queue is judged at once, by a verdict on each payment."""

from __future__ import annotations

import re
from typing import Any

from tests.console.conftest import Reviewer, Stand, alert, arrived, key_of

ONE, TWO, THREE, FOUR = (f"transactions-0-{n}" for n in range(1, 5))


def hidden(page: Any, name: str) -> str:
    found = re.search(rf'type="hidden" name="{name}" value="([^"]*)"', page.text)
    return found[1] if found else ""


def boxes(page: Any) -> list[str]:
    return re.findall(r'type="checkbox" form="ticked" name="members" value="([^"]*)"', page.text)


def published(stand: Stand) -> None:
    """By rank 1 to 4, the last two of one wave."""
    wave = {"wave_id": "card-0f"}
    stand.publish(
        [alert(n, score=0.9999 - n * 1e-5, **(wave if n > 2 else {})) for n in range(1, 5)]
    )


def test_ticked_alerts_are_shown_judged_each_by_its_own_and_taken_back(stand: Stand) -> None:
    published(stand)
    with stand.console() as (console, client):
        arrived(console, client, 4)
        lea = Reviewer(client, "lea")
        queue = lea.login()
        # A wave is one box, with all of its alerts.
        assert boxes(queue) == [ONE, TWO, f"{THREE} {FOUR}"]
        page = lea.post("/ticked", queue, members=[ONE, f"{THREE} {FOUR}"])
        assert "3 alerts that you ticked" in page.text
        assert "Card: <span" not in page.text
        assert hidden(page, "members") == f"{ONE} {THREE} {FOUR}"
        fields = {
            "members": hidden(page, "members"),
            "key": key_of(page),
            "verdict": "fraud",
            "comment": "one ring",
        }
        done = lea.post("/ticked/verdict", page, **fields)
        assert "3 ticked payments: <strong>fraud</strong>" in done.text
        assert done.url.path == f"/alerts/{TWO}"
        again = lea.post("/ticked/verdict", page, **fields)
        assert again.url == done.url
        other = lea.post("/ticked/verdict", page, **fields | {"verdict": "legitimate"})
        assert (other.status_code, "fraud was sent on 3 of 3" in other.text) == (409, True)
        assert len(stand.verdicts(3)) == 3
        undone = lea.post("/ticked/undo", done, key=fields["key"])
        assert "3 ticked payments: <strong>legitimate</strong>" in undone.text
        assert "Undo" not in undone.text
        lea.post("/ticked/undo", undone, key=fields["key"])
    sent = sorted(stand.verdicts(6), key=lambda each: str(each["decided_at"]))
    assert [each["verdict"] for each in sent] == ["fraud"] * 3 + ["legitimate"] * 3
    for half in (sent[:3], sent[3:]):
        assert {each["transaction_id"] for each in half} == {"t-1", "t-3", "t-4"}
    told = [line for line in stand.audit(11) if line["action"] in ("verdict", "undo")]
    assert len({line["id"] for line in told}) == 6
    assert {line["comment"] for line in told} == {"one ring"}


def test_what_another_has_or_is_gone_is_told_by_its_id_and_the_rest_is_sent(stand: Stand) -> None:
    published(stand)
    with stand.console() as (console, client):
        arrived(console, client, 4)
        lea, noor = Reviewer(client, "lea"), Reviewer(client, "noor")
        queue = lea.login()
        noor.login()
        noor.get(f"/alerts/{TWO}")
        page = lea.post("/ticked", queue, members=[ONE, TWO, THREE, "nowhere"])
        assert "No longer in the queue: nowhere." in page.text
        assert ", with noor" in page.text
        assert hidden(page, "members") == f"{ONE} {THREE}"
        fields = {"members": f"{ONE} {THREE}", "key": key_of(page), "verdict": "legitimate"}
        # A form is of those that its page showed, and no others.
        other = lea.post("/ticked/verdict", page, **fields | {"members": f"{ONE} {FOUR}"})
        assert (other.status_code, "as it is shown to you" in other.text) == (409, True)
        for fault in ({"verdict": "maybe"}, {"key": ""}, {"comment": "4929123456781236"}):
            assert lea.post("/ticked/verdict", page, **fields | fault).status_code == 400
        assert stand.verdicts(0) == []
        # One of them is judged by another meanwhile.
        lea.post("/ticked/release", page, members=THREE)
        noor.judge(THREE, "fraud")
        partly = lea.post("/ticked/verdict", page, **fields)
        assert (partly.status_code, "1 of 2 were sent" in partly.text) == (409, True)
        assert f"{THREE} was judged by noor: fraud." in partly.text
    sent = {each["transaction_id"]: each["verdict"] for each in stand.verdicts(2)}
    assert sent == {"t-3": "fraud", "t-1": "legitimate"}


def test_a_reviewer_has_no_boxes_and_a_form_of_one_is_refused_and_written_down(
    stand: Stand,
) -> None:
    published(stand)
    with stand.console() as (console, client):
        arrived(console, client, 4)
        mona, lea = Reviewer(client, "mona"), Reviewer(client, "lea")
        queue = mona.login()
        assert boxes(queue) == []
        assert "/ticked" not in queue.text
        page = lea.post("/ticked", lea.login(), members=[ONE, TWO])
        fields = {"members": f"{ONE} {TWO}", "key": key_of(page), "verdict": "fraud"}
        for path, told in (("", {"members": ONE}), ("/verdict", fields)):
            refused = mona.post(f"/ticked{path}", queue, comment="mine", **told)
            assert (refused.status_code, "Only a lead may judge ticked" in refused.text) == (
                403,
                True,
            )
            assert "mine</textarea>" in refused.text
        assert mona.post("/ticked/undo", queue, key=fields["key"]).status_code == 403
    refusals = [line for line in stand.audit(7) if line["action"] == "denied"]
    assert [(line["who"], line["role"]) for line in refusals] == [("mona", "reviewer")] * 3
    assert {line["subject"] for line in refusals} == {"judge_many: no_role"}
    assert len({line["decision_id"] for line in refusals}) == 3
    assert stand.verdicts(0) == []


def test_no_more_are_judged_at_once_than_agreed(stand: Stand) -> None:
    stand.publish([alert(n, score=0.9999 - n * 1e-5) for n in range(1, 53)])
    with stand.console() as (console, client):
        arrived(console, client, 52)
        lea = Reviewer(client, "lea")
        queue = lea.login()
        ids = boxes(queue)
        assert len(ids) == 50
        for members in ([*ids, "transactions-0-51"], []):
            refused = lea.post("/ticked", queue, members=members)
            assert (refused.status_code, "Tick 1 to 50" in refused.text) == (400, True)
        assert lea.post("/ticked", queue, members=["nowhere"]).status_code == 404
        assert "50 alerts that you ticked" in lea.post("/ticked", queue, members=ids).text
