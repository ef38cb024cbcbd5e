"""What of a model version a payment's score was computed from, packed to travel in its alert.

Of a few thousand numbers of a version a payment meets some hundred: the center that is nearest, the
hinges of the odds that its inputs reach, the two edges in each distribution between which its score and
its threshold lie.  With the alert's own ``features`` they give every number of the ranking again, bit
for bit, for as long as there is the alert (`read_parameters`).

Format 1, or 2 where a feature counts on both sides (`TWO_SIDED`); little-endian, in Base64:

    bytes         what
    16            the head, `HEAD`: format, flags, the nearest center's index, the bins of threshold
                  and score, `LAYOUT`, and the CRC-32 of what follows and of the head before it
    d             a code per feature: `KNOWN`, and which of its numbers travel
    m             a code per input of the odds, where there are any (`HAS_ODDS`): 0 if unknown, else
                  `KNOWN`, `BELOW_MEAN`, and how many hinges are reached, times `ONE_HINGE`
    8 each        numbers, float64

The numbers are `N_COMMON` that every payment has (see `pack`); of a known feature those of
`fill_feature`; of the odds the base, each step that the amount is beyond with its coefficient, and of a
known input its mean, its deviation and a coefficient per hinge; and at last, where a loss is expected
(`HAS_LOSS`), those of `fill_loss`.  What is left out would be multiplied by 0: the deviations of a
feature that is on the harmless side, and hinges that are not reached.

Invariant: whatever a number does here, it does to the bits of the version.
"""

from __future__ import annotations

import math
from binascii import b2a_base64
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from streamer.arrays import Floats, Integers
from streamer.compiled import compiled
from streamer.features import CONTEXT_NAMES, FEATURES, Record
from streamer.model import (
    ABOVE,
    BELOW,
    N_BINS,
    N_STEPS,
    Lines,
    LogOdds,
    Room,
    Ruler,
    calibration_place,
    distance_position,
    loss_position,
    odds_position,
    standardised,
)

__all__ = [
    "BELOW_MEAN",
    "BEYOND_CENTER",
    "BEYOND_MEAN",
    "BY_ODDS",
    "CLIPPED_ABOVE",
    "CLIPPED_BELOW",
    "FORMAT",
    "HAS_LOSS",
    "HAS_ODDS",
    "HEAD",
    "KNOWN",
    "LAYOUT",
    "N_COMMON",
    "N_FEATURES",
    "N_INPUTS",
    "N_OF_LOSS",
    "ONE_HINGE",
    "ONE_STEP",
    "TWO_SIDED",
    "TWO_SIDED_FORMAT",
    "Packed",
    "checksum_of",
    "new_packed",
    "pack",
    "packed_texts",
]

FORMAT: Final = 1
"""To be raised by whoever changes what is packed, or what is computed from it."""
TWO_SIDED_FORMAT: Final = 2
"""That of an alert in which a feature counts on both sides, which releases before 0051 cannot read."""
N_FEATURES: Final = len(FEATURES)
N_INPUTS: Final = N_FEATURES + len(CONTEXT_NAMES) + 1
HEAD: Final = Struct("<BBHHHII")
_CHECKED: Final = HEAD.size - 4
LAYOUT: Final = crc32(
    repr((
        [(feature.name, feature.side) for feature in FEATURES],
        CONTEXT_NAMES, BELOW, ABOVE, N_STEPS, N_BINS,
    )).encode()
)  # fmt: skip
"""Names the columns, knots and bins that the numbers are of: another release may have others."""

# Flags of the head; between them the number of steps that the amount is beyond.
BY_ODDS: Final = 1
HAS_ODDS: Final = 2
ONE_STEP: Final = 4
HAS_LOSS: Final = 16
"""What ranks by the odds then ranks by the loss that they let expect."""
# Of a feature, and the first of them of an input too.
KNOWN: Final = 1
BEYOND_CENTER: Final = 2
BEYOND_MEAN: Final = 4
CLIPPED_BELOW: Final = 8
CLIPPED_ABOVE: Final = 16
TWO_SIDED: Final = 32
# Of an input.
BELOW_MEAN: Final = 2
ONE_HINGE: Final = 4

N_COMMON: Final = 10
N_OF_LOSS: Final = 5
_MOST_CODES: Final = N_FEATURES + N_INPUTS
_MOST_NUMBERS: Final = (
    N_COMMON
    + 6 * N_FEATURES
    + 1
    + 2 * N_STEPS
    + N_INPUTS * (2 + max(len(BELOW), len(ABOVE)))
    + N_OF_LOSS
)

Codes = NDArray[np.uint8]


class Packed(NamedTuple):
    """Room for what m payments' alerts take along.

    ``heads`` (m, 5) are how many numbers there are, flags, the nearest center, and the bins of
    threshold and score; ``codes`` (m, N_FEATURES + N_INPUTS); ``numbers`` (m, their most).
    """

    heads: Integers
    codes: Codes
    numbers: Floats


@compiled
def new_packed(m: int) -> Packed:
    return Packed(
        np.zeros((m, 5), np.int64),
        np.zeros((m, _MOST_CODES), np.uint8),
        np.zeros((m, _MOST_NUMBERS)),
    )


def packed_texts(packed: Packed) -> list[str]:
    """Return each payment's parameters, as its alert carries them."""
    texts, codes, numbers = [], packed.codes.tobytes(), packed.numbers.tobytes()
    for m, (n, flags, nearest, *bins) in enumerate(packed.heads.tolist()):
        first, at = m * _MOST_CODES, m * _MOST_NUMBERS * 8
        n_codes = _MOST_CODES if flags & HAS_ODDS else N_FEATURES
        body = codes[first : first + n_codes] + numbers[at : at + n * 8]
        is_two_sided = any(code & TWO_SIDED for code in codes[first : first + N_FEATURES])
        form = TWO_SIDED_FORMAT if is_two_sided else FORMAT
        head = HEAD.pack(form, flags, nearest, *bins, LAYOUT, 0)[:_CHECKED]
        checksum = crc32(body, crc32(head)).to_bytes(4, "little")
        texts.append(b2a_base64(head + checksum + body, newline=False).decode("ascii"))
    return texts


def checksum_of(head: bytes, body: bytes) -> int:
    """Return the CRC-32 of a head, but for itself, and of what follows it."""
    return crc32(body, crc32(head[:_CHECKED]))


@compiled
def pack(
    packed: Packed,
    m: int,
    found: Record,
    usual: float,
    currency: int,
    scored: Room,
    ruler: Ruler,
    odds: LogOdds,
    lines: Lines,
) -> None:
    """Write what the first payment of ``scored`` met to row ``m`` of ``packed``, OUT.

    ``found`` (`streamer.explaining.findings.Findings`) says what ranks it and of which share it had to
    be; ``usual`` is its ``currency``'s usual ln amount, NaN where there is none.
    """
    head, codes, numbers = packed.heads[m], packed.codes[m], packed.numbers[m]
    x, inputs, nearest = scored.parts[0, 0], scored.inputs[0], scored.nearest[0]
    below, place = lines.distances_below, distance_position(found.distance_sq)
    head[1], head[2] = 0, nearest
    if found.by_odds > 0.0:
        below, place, head[1] = lines.odds_below, odds_position(found.log_odds), BY_ODDS
    if found.by_loss > 0.0:
        below, place = lines.losses_below, loss_position(found.log_loss)
    # The bin in which `places_below` finds the threshold.
    threshold_bin = np.searchsorted(below, 1.0 - found.asked) - 1
    head[3], head[4] = min(max(threshold_bin, 0), N_BINS - 1), int(place)
    of_known = 0.0
    for j in range(len(x)):
        if not math.isnan(x[j]):
            of_known += ruler.features[j].expected
    numbers[0], numbers[1] = usual, ruler.beliefs[nearest]
    numbers[2], numbers[3], numbers[4] = ruler.linear_beyond, ruler.expectation_floor, of_known
    numbers[5] = found.asked
    numbers[6], numbers[7] = below[head[3]], below[head[3] + 1]
    numbers[8], numbers[9] = below[head[4]], below[head[4] + 1]
    n = N_COMMON
    for j in range(len(x)):
        n = fill_feature(codes, numbers, n, j, inputs[j], x[j], nearest, ruler)
    if len(odds.coefficients) > 0:
        n = fill_odds(head, codes[len(x) :], numbers, n, inputs, odds)
    if len(lines.told) > 0:
        n = fill_loss(head, numbers, n, found.log_odds, currency, lines)
    head[0] = n


@compiled
def fill_feature(
    codes: Codes,
    numbers: Floats,
    n: int,
    j: int,
    value: float,
    x: float,
    nearest: int,
    ruler: Ruler,
) -> int:
    """Write a feature's code and its numbers from the ``n``-th on; return where the next ones begin.

    ``x`` is its ``value`` within its bounds.  There are center and deviation where it is on the
    suspicious side of the center or at it, mean and deviation where it is so of the mean, and how far
    it counts where one of these is so; else the mean alone, which it is told beside.  And a bound where
    the value is beyond it.
    """
    codes[j] = 0
    if math.isnan(x):
        return n
    feature, center, code = ruler.features[j], ruler.centers[nearest, j], KNOWN
    if feature.side == 0.0:
        code |= TWO_SIDED
    if (x - center) * feature.side >= 0.0:
        code |= BEYOND_CENTER
        numbers[n], numbers[n + 1] = center, ruler.center_deviations[nearest, j]
        n += 2
    if feature.side * (x - feature.average) >= 0.0:
        code |= BEYOND_MEAN
        numbers[n], numbers[n + 1] = feature.average, feature.deviation
        n += 2
    if code == KNOWN:
        numbers[n] = feature.average
    else:
        numbers[n] = feature.maturity
    n += 1
    if value < x or value > x:
        code |= CLIPPED_BELOW if value < x else CLIPPED_ABOVE
        numbers[n] = x
        n += 1
    codes[j] = code
    return n


@compiled
def fill_odds(
    head: Integers, codes: Codes, numbers: Floats, n: int, inputs: Floats, odds: LogOdds
) -> int:
    """Write what the odds make of ``inputs`` (N_INPUTS,); the rest as in `fill_feature`."""
    head[1] |= HAS_ODDS
    numbers[n] = odds.coefficients[0]
    n += 1
    n_hinges = len(BELOW) + len(ABOVE)
    for s in range(N_STEPS):
        if not inputs[0] > odds.steps[s]:
            break
        head[1] += ONE_STEP
        numbers[n] = odds.steps[s]
        numbers[n + 1] = odds.coefficients[1 + len(inputs) * n_hinges + s]
        n += 2
    for j in range(len(inputs)):
        codes[j] = 0
        if math.isnan(inputs[j]):
            continue
        mean, deviation = odds.means[j], odds.deviations[j]
        numbers[n], numbers[n + 1] = mean, deviation
        n += 2
        z, first, code = standardised(inputs[j], mean, deviation), 1 + j * n_hinges, KNOWN
        if z < 0.0:
            code |= BELOW_MEAN
            for b in range(len(BELOW)):
                if -z > BELOW[b]:
                    numbers[n] = odds.coefficients[first + b]
                    code += ONE_HINGE
                    n += 1
        else:
            for a in range(len(ABOVE)):
                if z > ABOVE[a]:
                    numbers[n] = odds.coefficients[first + len(BELOW) + a]
                    code += ONE_HINGE
                    n += 1
        codes[j] = code
    return n


@compiled
def fill_loss(
    head: Integers, numbers: Floats, n: int, log_odds: float, currency: int, lines: Lines
) -> int:
    """Write what the odds let lose: what a unit of the currency is worth, the first of two bins of
    `calibration` and what they tell, and below which ln of a loss none is worth a review."""
    head[1] |= HAS_LOSS
    first = min(max(int(calibration_place(log_odds)), 0), len(lines.told) - 2)
    numbers[n], numbers[n + 1] = lines.log_values[currency], first
    numbers[n + 2], numbers[n + 3] = lines.told[first], lines.told[first + 1]
    numbers[n + 4] = lines.least_log_loss
    return n + N_OF_LOSS
