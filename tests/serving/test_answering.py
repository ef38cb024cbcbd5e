"""What is answered is what the stream would give, to the bit, and asking changes nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
import uvloop

from streamer.contract.answer_message import Answer
from streamer.errors import UnavailableError
from streamer.serving.answerer import Answerer, LateError
from streamer.serving.card_states import CardStates
from streamer.serving.questions import Refusal
from streamer.settings import Settings
from streamer.starting.wiring import open_store
from tests.serving.stored_service import NOW_MS, TOPIC, StoredService

T = TypeVar("T")
WITHIN_S = 30.0


def asked(service: StoredService, work: Callable[[Answerer], Awaitable[T]]) -> T:
    """Return what ``work`` makes of an answerer with a connection of its own."""

    async def run() -> T:
        store = open_store(service.settings)
        try:
            states = CardStates(store.lookups, TOPIC, time.monotonic)
            return await work(Answerer(service.config, states, lambda: NOW_MS + 2_500))
        finally:
            await store.close()

    return asyncio.run(run())


def answers(
    service: StoredService, values: list[bytes], *, explain: bool = False
) -> list[Answer | Refusal]:
    return asked(
        service,
        lambda answerer: answerer.answer(
            values, service.version, explain=explain, within_s=WITHIN_S
        ),
    )


def test_an_answer_is_what_the_stream_would_give_to_the_bit(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    asked_about = following[:150]
    for record, answer in zip(
        asked_about, answers(service, [value for _, value in asked_about]), strict=True
    ):
        outcome = service.scored_next(record)
        [score] = outcome.scores
        assert isinstance(answer, Answer)
        told = answer.score, answer.distance, answer.log_odds, answer.ranked_by
        assert told == (score.score, score.distance, score.log_odds, score.ranked_by)
        assert answer.model_version == score.model_version
        assert answer.partition == score.source.partition


def test_an_answer_does_not_depend_on_what_else_is_asked(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    values = [value for _, value in following[:40]]

    async def both(answerer: Answerer) -> tuple[list[Answer | Refusal], list[Answer | Refusal]]:
        ask = [
            answerer.answer([value], service.version, explain=True, within_s=WITHIN_S)
            for value in values
        ]
        alone = [await each for each in ask[:20]] + list(await asyncio.gather(*ask[20:]))
        together = await answerer.answer(
            values[::-1] + values, service.version, explain=True, within_s=WITHIN_S
        )
        return [answer for [answer] in alone], together

    alone, together = asked(service, both)
    assert together == alone[::-1] + alone


def test_an_explained_answer_has_the_reasons_of_the_alert(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    for record in following:
        alerts = service.scored_next(record).alerts
        if alerts and not alerts[0].sampled and alerts[0].ranked_by == service.version.ranked_by:
            break
    [alert] = alerts
    [answer] = answers(service, [record[1]], explain=True)
    assert isinstance(answer, Answer)
    assert answer.decision == "alert"
    assert answer.reasons is not None
    assert [r.feature for r in answer.reasons] == [r.feature for r in alert.reasons]
    assert [r.contribution for r in answer.reasons] == [r.contribution for r in alert.reasons]


def test_who_was_never_seen_is_new_and_where_it_will_go_is_known_from_the_others(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    new = json.loads(following[0][1]) | {"card_id": "never-seen"}
    record = b"never-seen", json.dumps(new).encode()
    values = [value for _, value in following[:100]] + [record[1]]
    answer = answers(service, values)[-1]
    [score] = service.scored_next(record).scores
    assert isinstance(answer, Answer)
    assert (answer.partition, answer.state_age_s) == (score.source.partition, None)
    assert (answer.score, answer.distance) == (score.score, score.distance)


def test_what_cannot_be_scored_is_refused_by_itself_as_its_dead_letter_says(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    good = following[0][1]
    bad = json.dumps(json.loads(good) | {"amount": 2e12}).encode()
    refund = json.dumps(json.loads(good) | {"amount": -1}).encode()
    first, refused, none, passed_over, last = answers(service, [good, bad, b"", refund, good])
    assert first == last
    assert isinstance(passed_over, Refusal)
    assert passed_over.reason == "passed_over"
    assert "refund" in passed_over.detail
    assert isinstance(refused, Refusal)
    assert (refused.reason, refused.path) == ("out_of_range", "$.amount")
    assert isinstance(none, Refusal)
    assert none.reason == "empty"


def test_the_age_of_what_was_known_is_told(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    [answer] = answers(service, [following[0][1]])
    assert isinstance(answer, Answer)
    assert answer.state_age_s == 2.5


@pytest.mark.parametrize("without_state", ["model", "refuse"])
def test_without_redis_the_model_answers_alone_or_nobody_does(
    service: StoredService, following: list[tuple[bytes, bytes]], without_state: str
) -> None:
    nowhere = Settings(redis_url="redis://127.0.0.1:1/0", redis_timeout_s=0.5)  # type: ignore[arg-type]

    async def ask() -> list[Answer | Refusal]:
        states = CardStates(open_store(nowhere).lookups, TOPIC, time.monotonic)
        answerer = Answerer(service.config, states, lambda: NOW_MS, without_state)  # type: ignore[arg-type]
        return await answerer.answer(
            [following[0][1]], service.version, explain=False, within_s=WITHIN_S
        )

    if without_state == "refuse":
        with pytest.raises(UnavailableError, match=r"127\.0\.0\.1"):
            asyncio.run(ask())
        return
    [answer] = asyncio.run(ask())
    assert isinstance(answer, Answer)
    assert (answer.mode, answer.partition, answer.state_age_s) == ("redis-unavailable", None, None)


def test_who_is_late_gets_no_answer(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    async def too_late(answerer: Answerer) -> None:
        with pytest.raises(LateError):
            await answerer.answer([following[0][1]], service.version, explain=False, within_s=1e-6)

    asked(service, too_late)


def test_on_uvloop_a_deadline_that_is_next_to_nothing_is_one_like_any_other(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    """Its timer is of no delay, and another question comes while it has not run."""
    values = [following[0][1]]

    async def ask() -> None:
        store = open_store(service.settings)
        try:
            states = CardStates(store.lookups, TOPIC, time.monotonic)
            answerer = Answerer(service.config, states, lambda: NOW_MS)
            asking = (
                answerer.answer(values, service.version, explain=False, within_s=within_s)
                for within_s in (1e-6, WITHIN_S)
            )
            late, answered = await asyncio.gather(*asking, return_exceptions=True)
            assert isinstance(late, LateError)
            assert isinstance(answered, list)
            assert answerer._deadlines == {}
        finally:
            await store.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask())
