"""What verdicts taught, one by one, for people to read: bounded, and part of the next checkpoint.

Of a payment's parties nothing is told: a lesson names the transaction, as the verdict did.  What was
presumed because nobody judged it is no lesson of anybody's, and is not told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.contract.messages import Feedback, Origin
from streamer.errors import InvariantError
from streamer.indexing import fingerprints
from streamer.model import Influence, Scorer, bend_of, influence_of, input_of

__all__ = [
    "BASE_INPUT",
    "DISTANCE_INPUT",
    "Known",
    "Lesson",
    "LessonRecord",
    "Moved",
    "MovedCoefficient",
    "Noted",
    "decode_lesson",
]

Known = Literal["nothing", "presumed", "legitimate", "fraud"]
"""What had been learned of a payment: from no verdict, from silence, or from one that is overruled."""
DISTANCE_INPUT: Final = "distance"
BASE_INPUT: Final = "base"
_N_MOVED: Final = 3
_N_COEFFICIENTS: Final = 5
_encoder: Final = msgspec.json.Encoder()


class Moved(msgspec.Struct, frozen=True):
    """By how much an input's part of a payment's log-odds changed."""

    input: str
    log_odds: float


class MovedCoefficient(msgspec.Struct, frozen=True, omit_defaults=True):
    """A coefficient of the odds before a verdict, and after it alone.

    It counts for what lies ``beyond`` so many deviations from the input's mean: above, or below where
    that is negative (-0.0 from the mean down).  None of the base, which has no input, and of a step of
    the amount.
    """

    input: str
    before: float
    after: float
    beyond: float | None = None


class Lesson(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a verdict taught the odds.

    ``weight`` is how many payments its payment stands for, 0 where the verdict said what had been
    learned ``before``.  The probabilities of fraud are those of ``model_version`` for the payment as it
    was scored, and of that version with this lesson and no other; there are none before the first odds.
    ``moved`` has the inputs whose parts of the payment's log-odds changed most, the first the most,
    ``coefficients`` those that changed most of all that the payment meets.
    """

    transaction_id: str
    verdict: Literal["fraud", "legitimate"]
    origin: Origin
    decided_at: datetime
    alerted: bool
    before: Known
    weight: float
    model_version: str
    probability_before: float | None = None
    probability_after: float | None = None
    moved: list[Moved] = []
    coefficients: list[MovedCoefficient] = []


_decoder: Final = msgspec.json.Decoder(Lesson)


@dataclass(frozen=True, slots=True)
class Noted:
    """What there is to tell of a verdict: worked out when it is encoded, while scoring goes on.

    ``inputs`` (n_inputs,) as its payment was scored with; each of ``lessons`` is what the payment was
    and the weight, as `learn_verdicts` takes them.
    """

    verdict: Feedback
    version: Scorer
    inputs: NDArray[np.float32]
    lessons: Sequence[tuple[float, float]]
    alerted: bool
    before: Known

    def encoded(self) -> bytes:
        """Return the `Lesson` as it lies in its stream."""
        verdict, config = self.verdict, self.version.config
        influence = influence_of(self.version, self.inputs, self.lessons)
        moved: list[Moved] = []
        coefficients: list[MovedCoefficient] = []
        probabilities: tuple[float | None, float | None] = (None, None)
        if influence is not None:
            names = (*config.feature_names, *config.context_names, DISTANCE_INPUT)
            # As an alert tells it, by the same version's calibration.
            before, after = map(self.version.probability_of, (influence.before, influence.after))
            probabilities = before, after
            order = np.argsort(-np.abs(influence.parts), kind="stable")[:_N_MOVED].tolist()
            parts = ((j, float(influence.parts[j])) for j in order)
            moved = [Moved(names[j], part) for j, part in parts if part]
            coefficients = _coefficients(influence, self.version, names)
        return _encoder.encode(
            Lesson(
                verdict.transaction_id,
                verdict.verdict,
                verdict.origin,
                verdict.decided_at,
                self.alerted,
                self.before,
                abs(self.lessons[0][1]) if self.lessons else 0.0,
                self.version.id,
                *probabilities,
                moved,
                coefficients,
            )
        )


def _coefficients(
    influence: Influence, version: Scorer, names: Sequence[str]
) -> list[MovedCoefficient]:
    before = version.odds_or_none.coefficients
    order = np.argsort(-np.abs(influence.moves), kind="stable")[:_N_COEFFICIENTS].tolist()
    found = []
    for k in order:
        place, move = influence.places.item(k), influence.moves.item(k)
        j = input_of(place, len(names))
        if move:
            old = before.item(place)
            name = BASE_INPUT if j < 0 else names[j]
            found.append(MovedCoefficient(name, old, old + move, bend_of(place, len(names))))
    return found


class LessonRecord:
    """The latest ``capacity`` lessons that no checkpoint holds; with 0 none is noted."""

    def __init__(self, capacity: int = 0) -> None:
        self.capacity = capacity
        self._noted: deque[Noted] = deque(maxlen=capacity)

    def add(self, noted: Noted) -> None:
        """Note what a verdict teaches."""
        self._noted.append(noted)

    def erase(self, cards: Collection[str], payments: Collection[int]) -> None:
        """Let go of what verdicts on these taught (`streamer.verdicts.rulings`)."""
        prints = fingerprints([each.verdict.transaction_id for each in self._noted]).tolist()
        kept = [
            each
            for each, one in zip(self._noted, prints, strict=True)
            if one not in payments and each.verdict.card_id not in cards
        ]
        self._noted = deque(kept, maxlen=self.capacity)

    def take(self) -> tuple[Noted, ...]:
        """Return what was noted since the last call, in order."""
        taken = tuple(self._noted)
        self._noted.clear()
        return taken


def decode_lesson(entry: Mapping[bytes, bytes]) -> Lesson:
    """Return the lesson in an entry of its stream; InvariantError where it is none."""
    try:
        return _decoder.decode(entry[b"lesson"])
    except (KeyError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvariantError(
            f"a stored lesson must be what a worker wrote, got something else "
            f"({type(error).__name__}); another release or something else has written it"
        ) from error
