"""Questions that come at once are answered together: one look into Redis, one call of the model.

An answer does not depend on what it is computed with, so that this changes no bit, and a process
answers as many as it can.

Invariants: an answer is given within its deadline or not at all; without Redis it says so, or there is
none, as the settings have it; a state that cannot be used costs nobody else an answer; nothing is
learned.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import structlog

from streamer.contract.answer_message import Answer
from streamer.contract.decision_message import Door
from streamer.contract.messages import Mode, Source
from streamer.errors import ConfigurationError, InvariantError, UnavailableError
from streamer.features import History, observe_apart
from streamer.intake.decoding import PLAIN, Decoded
from streamer.model import Scorer
from streamer.pipeline import PipelineConfig
from streamer.serving.answering import answers_of
from streamer.serving.card_states import CardStates, Found
from streamer.serving.questions import Question, Refusal, read_questions
from streamer.telemetry.tracing import Span, child, current, shared
from streamer.telemetry.tracing.spans import Value

__all__ = ["Answerer", "AskedBy", "Given", "LateError", "WithoutState"]

WithoutState = Literal["model", "refuse"]
"""What is done about cards whose state cannot be read: the model answers alone, or nobody does."""

# Payments and requests of one call, so that nothing else waits for long.
_AT_ONCE: Final = 512
_REQUESTS: Final = 128
# A queue that was not empty for so long is no burst: it would stand for as long as more is asked than
# can be answered, and only make everybody wait (Maurer, "Fail at Scale", ACM Queue 13(8), 2015).
_STANDING_S: Final = 0.1
# Requests that may wait in one that stands, and those of a call meanwhile: who is refused waits for
# what a call computes.
_STANDING: Final = 64
_REQUESTS_STANDING: Final = 16
# Calls under way at once: one waits for Redis while another computes.  With more of them each has fewer
# payments to share its costs.
_CALLS: Final = 2
# Of its time a question may wait before more are taken on: longer than for a Redis that hangs, which
# has a third of it twice; the rest is for the answer.
_SHARE: Final = 0.75
# Nobody's state can be read; who is not let in any more is as good as away.
_AWAY: Final = (UnavailableError, ConfigurationError)
_log = structlog.get_logger(__name__)


class LateError(Exception):
    """The deadline passed before there was an answer."""


class AskedBy(NamedTuple):
    """By which ``door`` a question came, and whose it is."""

    door: Door = "native"
    client: str = ""


_NOBODY: Final = AskedBy()


class Given(NamedTuple):
    """An answer that was given, and what was known: payment ``i`` of those that were read together."""

    answer: Answer
    decoded: Decoded
    history: History
    i: int
    place: Source | None


class _Asked(NamedTuple):
    """A request that waits; ``deadline`` in seconds of the loop's clock."""

    values: Sequence[bytes]
    explain: bool
    is_plain: bool
    version: Scorer
    deadline: float
    answered: asyncio.Future[list[Answer | Refusal]]
    by: AskedBy
    span: Span | None


@dataclass(slots=True)
class Answerer:
    """Answers questions about payments.

    ``now_ms`` is the wall clock.  ``without_state`` as in `WithoutState`.  ``n_calls`` counts calls.
    ``on_given`` is told who asked, and of the answers that were given.
    """

    config: PipelineConfig
    states: CardStates
    now_ms: Callable[[], int]
    without_state: WithoutState = "model"
    n_calls: int = 0
    on_given: Callable[[AskedBy, list[Given]], None] | None = None
    _waiting: deque[_Asked] = field(default_factory=deque)
    _calls: set[asyncio.Task[None]] = field(default_factory=set)
    _deadlines: dict[asyncio.Future[list[Answer | Refusal]], float] = field(default_factory=dict)
    _next_late: asyncio.Handle | None = None
    # Beside it: of a delay below a millisecond uvloop returns a handle that does not know when.
    _next_late_at: float = 0.0
    # When nothing waited, last.
    _empty_at: float = 0.0

    def is_behind(self, within_s: float) -> bool:
        """Whether others would wait for nothing: in a queue that stands, or until they are late.

        Late is who comes when somebody has waited for `_SHARE` of ``within_s``.
        """
        if not self._waiting:
            return False
        now = asyncio.get_running_loop().time()
        if len(self._waiting) >= _STANDING and self._stands(now):
            return True
        return self._waiting[0].deadline - now < within_s * (1.0 - _SHARE)

    def _stands(self, now: float) -> bool:
        return now - self._empty_at > _STANDING_S

    async def answer(
        self,
        values: Sequence[bytes],
        version: Scorer,
        *,
        explain: bool,
        within_s: float,
        is_plain: bool = False,
        by: AskedBy = _NOBODY,
    ) -> list[Answer | Refusal]:
        """Return an answer to each of the messages, or why it has none.

        ``is_plain``: they are the contract's, whatever the intake says of producers.
        Raises `LateError` once ``within_s`` are over, and `UnavailableError` without Redis where
        nobody answers then.
        """
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[list[Answer | Refusal]] = loop.create_future()
        deadline = loop.time() + within_s
        asked = _Asked(values, explain, is_plain, version, deadline, answered, by, current())
        try:
            self._deadlines[answered] = deadline
            if self._next_late is None or deadline < self._next_late_at:
                self._watch(loop, deadline)
            if not self._waiting:
                self._empty_at = loop.time()
            self._waiting.append(asked)
            self._begin()
            return await answered
        finally:
            del self._deadlines[answered]

    def _watch(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        """Look for who is late at ``deadline``: one timer for all costs less than one each."""
        if self._next_late is not None:
            self._next_late.cancel()
        self._next_late_at = deadline
        self._next_late = loop.call_at(deadline, self._refuse_late, loop)

    def _refuse_late(self, loop: asyncio.AbstractEventLoop) -> None:
        self._next_late = None
        now = loop.time()
        for answered, deadline in self._deadlines.items():
            if deadline <= now and not answered.done():
                answered.set_exception(LateError())
        later = [deadline for deadline in self._deadlines.values() if deadline > now]
        if later:
            self._watch(loop, min(later))

    def _begin(self) -> None:
        """Answer what waits, unless enough calls are under way."""
        while self._waiting and len(self._calls) < _CALLS:
            # In a context of its own: it is of no single request.
            call = asyncio.get_running_loop().create_task(self._call(), context=Context())
            self._calls.add(call)
            call.add_done_callback(self._ended)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._begin()

    async def _call(self) -> None:
        # What has come in the same turn of the loop is answered with it.
        await asyncio.sleep(0)
        for asked in self._next():
            await self._together(asked)

    async def _together(self, asked: Sequence[_Asked]) -> None:
        self.n_calls += 1
        try:
            with shared("answer together", [each.span for each in asked]):
                answers = await self._answers(asked)
        except Exception as error:
            if len(asked) > 1 and not isinstance(error, _AWAY):
                # One of them cannot be answered: the others can.
                for each in asked:
                    await self._together([each])
                return
            for each in asked:
                if not each.answered.done():
                    each.answered.set_exception(error)
            return
        for each, those in zip(asked, answers, strict=True):
            if not each.answered.done():
                each.answered.set_result(_told(those))
                self._note(each.by, [one for one in those if isinstance(one, Given)])

    def _note(self, by: AskedBy, given: list[Given]) -> None:
        if self.on_given is None:
            return
        try:
            self.on_given(by, given)
        except Exception:
            # Whoever waits for an answer has nothing to do with it.
            _log.error("answers not noted", answers=len(given), exc_info=True)

    def _next(self) -> list[list[_Asked]]:
        """Return what is answered now; together what is read, scored and told in the same way."""
        now, n, n_requests = asyncio.get_running_loop().time(), 0, 0
        most = _REQUESTS_STANDING if self._stands(now) else _REQUESTS
        together: dict[tuple[int, bool, bool], list[_Asked]] = {}
        while self._waiting and n < _AT_ONCE and n_requests < most:
            asked = self._waiting.popleft()
            if asked.answered.done() or asked.deadline <= now:
                continue
            kind = id(asked.version), asked.explain, asked.is_plain
            together.setdefault(kind, []).append(asked)
            n += len(asked.values)
            n_requests += 1
        if not self._waiting:
            self._empty_at = now
        return list(together.values())

    async def _answers(self, asked: Sequence[_Asked]) -> list[list[Given | Refusal]]:
        values = [value for each in asked for value in each.values]
        whole = await self._found(values, asked[0], self.now_ms())
        split, first = [], 0
        for each in asked:
            split.append(whole[first : first + len(each.values)])
            first += len(each.values)
        return split

    async def _found(
        self, values: Sequence[bytes], asked: _Asked, now_ms: int
    ) -> list[Given | Refusal]:
        """Return what each payment gets; where a state cannot be used, only its own does without."""
        intake = PLAIN if asked.is_plain else self.config.intake
        config = self.config
        question = read_questions(values, now_ms, config.believable, intake, config.cards)
        found: list[Given | Refusal | None] = [question.refused.get(i) for i in range(len(values))]
        try:
            given = await self._of(question, asked, now_ms) if len(question.decoded) else []
        except InvariantError:
            if len(question.decoded) == 1:
                raise
            half = len(values) // 2
            parts = values[:half], values[half:]
            return [one for part in parts for one in await self._found(part, asked, now_ms)]
        for i, one in zip(question.decoded.offsets.tolist(), given, strict=True):
            found[i] = one
        whole = [one for one in found if one is not None]
        assert len(whole) == len(values)  # noqa: S101 - each is answered or refused
        return whole

    async def _of(self, question: Question, asked: _Asked, now_ms: int) -> list[Given]:
        decoded, mode = question.decoded, _NORMAL
        cards = decoded.sent_cards()
        try:
            with child("look up", "client", _REDIS):
                found = await self.states.of(decoded.columns, cards)
            history = observe_apart(decoded.columns, found.kept, self.states.n_partitions)
        except (*_AWAY, InvariantError) as error:
            if self.without_state == "refuse":
                raise
            if isinstance(error, InvariantError):
                if len(decoded) > 1:
                    raise
                _log.error("state cannot be used", error=str(error))
            mode, found = _ALONE, Found.nothing(len(decoded))
            history = observe_apart(decoded.columns, found.kept, self.states.n_partitions)
        with child("score"):
            answers = answers_of(
                decoded,
                found,
                history,
                asked.version,
                mode=mode,
                now_ms=now_ms,
                explain=asked.explain,
                card_key=self.config.card_key,
            )
        return [
            Given(answer, decoded, history, i, place)
            for i, (answer, place) in enumerate(zip(answers, found.places, strict=True))
        ]


def _told(given: Sequence[Given | Refusal]) -> list[Answer | Refusal]:
    return [each.answer if isinstance(each, Given) else each for each in given]


_NORMAL: Final[Mode] = "normal"
_ALONE: Final[Mode] = "redis-unavailable"
_REDIS: Final[dict[str, Value]] = {"db.system.name": "redis"}
