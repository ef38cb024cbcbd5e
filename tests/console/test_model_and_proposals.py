"""The model page, and proposals that another person decides on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from streamer.model import Sums
from streamer.model.codec import VersionHeader
from streamer.privacy.erasing_card import propose_erasure, send_proposal
from streamer.settings import Settings
from streamer.starting.wiring import model_config, open_review_store, open_store
from streamer.store import Wish
from tests.console.conftest import Reviewer, Stand, key_of


def stored(settings: Settings) -> tuple[str, str]:
    """Store two versions, make the first the head, and return both ids."""

    async def work() -> tuple[str, str]:
        store = open_store(settings)
        try:
            config = model_config(settings)
            ids = []
            for n in (2_000, 500):
                header = VersionHeader("", "2026-03-14T02:12:00.000Z", "fit", config.hash)
                sums = replace(Sums.zero(config), transactions_seen=n)
                ids.append(await store.put_version(sums, header))
            await store.set_head(Wish(ids[0], "import", "ana", 1_773_454_320_000))
            return (await store.head()).id, ids[1]
        finally:
            await store.close()

    return asyncio.run(work())


@pytest.fixture
def ids(stand: Stand) -> tuple[str, str]:
    return stored(stand.settings)


def proposals(stand: Stand, n: int) -> list[dict[str, Any]]:
    return stand.read(stand.settings.proposals_topic, n)


def test_model_and_operations_tell_what_there_is_and_what_is_wrong(
    stand: Stand, ids: tuple[str, str]
) -> None:
    head, other = ids
    with stand.console() as (_, client):
        mona = Reviewer(client, "mona")
        mona.login()
        page, operations = mona.get("/model"), mona.get("/operations")
    assert page.status_code == 200
    assert f"{head[:12]} (head)" in page.text
    assert f'<option value="{other}">' in page.text
    assert "<strong>import</strong>" in page.text
    assert "by ana" in page.text
    assert operations.status_code == 200
    assert "no worker is alive" in operations.text
    assert "set STREAMER_CONSOLE_WORKERS" in operations.text


def test_a_proposal_is_decided_once_and_by_another_lead(stand: Stand, ids: tuple[str, str]) -> None:
    """Sent twice it is one; whoever proposed it, and who is no lead, decides nothing."""
    head, other = ids
    with stand.console() as (_, client):
        lea, mona, lars = (Reviewer(client, name) for name in ("lea", "mona", "lars"))
        for each in (lea, mona, lars):
            each.login()
        form = lea.get("/model")
        fields = {"version": other, "kind": "promotion", "reason": "gate passed <on> March"}
        for _ in range(2):
            shown = lea.post("/model/propose", form, key=key_of(form), **fields)
        assert shown.url.path == "/proposals"
        assert "gate passed &lt;on&gt; March" in shown.text
        assert "Another lead decides on it." in shown.text
        path = f"/proposals/{key_of(form)}/decide"
        assert lea.post(path, shown, state="approved").status_code == 403
        assert mona.post(path, mona.get("/proposals"), state="approved").status_code == 403
        done = lars.post(path, lars.get("/proposals"), state="approved", remark="seen")
        assert "<strong>approved</strong> by lars" in done.text
        assert f"streamer model promote {other[:12]}" in done.text
        assert lars.post(path, done, state="declined").status_code == 409
        assert lars.post("/proposals/other/decide", done, state="declined").status_code == 404
    sent = {each["id"] + each.get("state", "open"): each for each in proposals(stand, 2)}
    assert len(sent) == 2
    made = sent[f"{key_of(form)}open"]
    assert (made["version"], made["head"], made["proposed_by"]) == (other, head, "lea")
    decided = sent[f"{key_of(form)}approved"]
    assert (decided["decided_by"], decided["remark"]) == ("lars", "seen")
    actions = [(e["action"], e["who"]) for e in stand.audit(8) if e["action"] != "login"]
    assert sorted(set(actions)) == [
        ("approved", "lars"),
        *(("denied", who) for who in ("lars", "lea", "mona")),
        ("propose", "lea"),
    ]


def test_a_proposal_that_cannot_be_is_told_why_and_not_made(
    stand: Stand, ids: tuple[str, str]
) -> None:
    faults = [
        ({"version": "0" * 64}, 409, "must be one that is stored"),
        ({"kind": "delete"}, 400, "must be a promotion or a rollback"),
        # That is proposed by a command, which knows the card.
        ({"kind": "erase"}, 400, "must be promoted, rolled back to or imported"),
        ({"reason": " "}, 400, "must have 1 to 500 characters, got 0"),
        ({"reason": "x" * 501}, 400, "got 501"),
        ({"key": ""}, 400, "must have its key"),
    ]
    with stand.console() as (_, client):
        lea = Reviewer(client, "lea")
        lea.login()
        form = lea.get("/model")
        fields = {"version": ids[1], "kind": "promotion", "reason": "why", "key": key_of(form)}
        for changes, status, told in faults:
            answer = lea.post("/model/propose", form, **fields | changes)
            assert (answer.status_code, told in answer.text) == (status, True), answer.text
        assert "Nothing waits for a decision" in lea.get("/proposals").text


def test_a_card_to_be_forgotten_is_approved_by_another_who_is_not_told_which(stand: Stand) -> None:
    """Proposed by the command on a machine where somebody is called lea, too."""
    settings = stand.settings

    async def work() -> str:
        store, reviews = open_store(settings), open_review_store(settings)
        try:
            said = "erase-1", "card-secret-1", "lea", "request 4711", 1_773_454_320_000
            proposal = await propose_erasure(store, reviews, *said)
            await send_proposal(settings, reviews, proposal)
            return proposal.id
        finally:
            await reviews.close()
            await store.close()

    proposal_id = asyncio.run(work())
    with stand.console() as (_, client):
        lea, lars = (Reviewer(client, name) for name in ("lea", "lars"))
        for each in (lea, lars):
            each.login()
        page = lea.get("/proposals")
        assert "<strong>erase</strong> a card, known to who proposed it" in page.text
        assert "request 4711" in page.text
        path = f"/proposals/{proposal_id}/decide"
        assert lea.post(path, page, state="approved").status_code == 403
        done = lars.post(path, lars.get("/proposals"), state="approved")
        assert "streamer privacy erase CARD" in done.text
        assert "card-secret-1" not in page.text + done.text
    sent = proposals(stand, 2)
    assert [each["kind"] for each in sent] == ["erase", "erase"]
    assert not any("card-secret" in str(each) for each in sent)
    # Before it was decided, and once Kafka had that.
    approved = [each for each in stand.audit(5) if each["action"] == "approved"]
    assert len(approved) == 2
    assert all(f"erase: {proposal_id}" in str(each) for each in approved)
