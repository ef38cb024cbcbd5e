"""From an alert's ``parameters`` back to a model version of one center, which scores as its own did.

Nobody knows through what hands an alert went: its text is refused unless every byte is accounted for,
and its numbers unless they are such as a version can have, whatever made them.

Invariant: what passes gives finite scores for any features of finite numbers.
"""

from __future__ import annotations

import math
from binascii import Error as NoBase64
from binascii import a2b_base64
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from streamer.arrays import Floats
from streamer.contract.codes import CURRENCIES
from streamer.errors import ConfigurationError
from streamer.explaining.parameters import (
    BELOW_MEAN,
    BEYOND_CENTER,
    BEYOND_MEAN,
    BY_ODDS,
    CLIPPED_ABOVE,
    CLIPPED_BELOW,
    FORMAT,
    HAS_LOSS,
    HAS_ODDS,
    HEAD,
    KNOWN,
    LAYOUT,
    N_COMMON,
    N_FEATURES,
    N_INPUTS,
    N_OF_LOSS,
    ONE_HINGE,
    ONE_STEP,
    TWO_SIDED,
    TWO_SIDED_FORMAT,
    checksum_of,
)
from streamer.features import FEATURES
from streamer.model import (
    ABOVE,
    BELOW,
    FEATURE,
    HOUR,
    N_BINS,
    N_CALIBRATION_BINS,
    N_HOURS,
    N_STEPS,
    NEVER_WORTH,
    NO_LOSS,
    Lines,
    LogOdds,
    Ruler,
    basis_size,
)

__all__ = ["Parameters", "unpacked_parameters"]

# No number of a version is anywhere near the one, no deviation anywhere near the other: with their
# squares, and the squares' sums, everything stays a finite number.
_LARGEST: Final = 1e9
_LEAST_DEVIATION: Final = 1e-9
_N_HINGES: Final = len(BELOW) + len(ABOVE)
_WAYS_OUT: Final = (
    "read the alert from its topic again, or say --by-version or --model FILE, to compute with the "
    "model version that it names"
)


class Parameters(NamedTuple):
    """What a payment's score was computed from; ``ruler`` has one center, that of index ``nearest``.

    ``asked`` is the share of recent traffic of which the payment had to be.  ``codes``, of the features
    and, where there are odds, of their inputs, are 0 where the payment has no such one.
    """

    nearest: int
    asked: float
    codes: list[int]
    ruler: Ruler
    odds: LogOdds
    lines: Lines


def unpacked_parameters(text: str, currency: int, whose: str) -> Parameters:
    """Return what ``text`` holds, for a payment in the currency of that index.

    Raises `ConfigurationError`, which names the alert ``whose`` they are, for anything that `pack` of
    this release has not made.
    """
    data = _checked(text, whose)
    _, flags, nearest, *bins, _, _ = HEAD.unpack_from(data)
    n_codes = N_FEATURES + N_INPUTS if flags & HAS_ODDS else N_FEATURES
    codes = list(data[HEAD.size : HEAD.size + n_codes])
    floats = data[HEAD.size + n_codes :]
    n = len(floats) // 8
    if (
        len(codes) < n_codes
        or len(floats) % 8
        or max(bins) >= N_BINS
        or n != _n_numbers(flags, codes)
    ):
        raise _unlike(whose, f"{len(data)} bytes in another order")
    numbers = np.frombuffer(floats, "<f8").tolist()
    if not all(abs(number) <= _LARGEST for number in numbers[1:]) or abs(numbers[0]) > _LARGEST:
        raise _unlike(whose, "numbers that none can have")
    rest = iter(numbers[N_COMMON:])
    ruler = _ruler(codes, numbers, rest, currency)
    odds = _odds(flags, codes[N_FEATURES:], rest)
    lines = _lines(flags, bins, numbers)
    if flags & HAS_LOSS:
        of_loss = list(rest)
        if of_loss[1] not in range(N_CALIBRATION_BINS - 1):
            raise _unlike(whose, "numbers that none can have")
        lines = _with_loss(lines, of_loss, currency)
    found = Parameters(nearest, numbers[5], codes, ruler, odds, lines)
    if not _can_be(found):
        raise _unlike(whose, "numbers that none can have")
    return found


def _checked(text: str, whose: str) -> bytes:
    """Return the bytes of ``text`` if they are as they were packed, by a release like this one."""
    try:
        data = a2b_base64(text.encode("ascii"), strict_mode=True)
    except (NoBase64, UnicodeEncodeError) as error:
        raise ConfigurationError(
            f"parameters of {whose} must be Base64, got {len(text)} characters that are not: cut or "
            f"altered on the way; {_WAYS_OUT}"
        ) from error
    if data and data[0] not in (FORMAT, TWO_SIDED_FORMAT):
        raise ConfigurationError(
            f"parameters of {whose} must be of format {FORMAT} or {TWO_SIDED_FORMAT}, got {data[0]}, "
            f"of another release or altered: explain it with the release that made it, or {_WAYS_OUT}"
        )
    if len(data) < HEAD.size:
        raise _unlike(whose, f"{len(data)} bytes, less than their head")
    *_, layout, checksum = HEAD.unpack_from(data)
    if checksum != checksum_of(data, data[HEAD.size :]):
        raise _unlike(whose, f"{len(data)} bytes of another checksum")
    if layout != LAYOUT:
        raise ConfigurationError(
            f"parameters of {whose} must be of this release's features, got those of another: explain "
            f"it with the release that made it, or {_WAYS_OUT}"
        )
    return data


def _unlike(whose: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        f"parameters of {whose} must be as they were sent, got {got}: cut or altered on the way; "
        f"{_WAYS_OUT}"
    )


def _n_numbers(flags: int, codes: list[int]) -> int:
    """Return how many numbers there are where head and codes say this; -1 where they cannot."""
    steps = flags % HAS_LOSS // ONE_STEP
    if steps > N_STEPS or flags >= 2 * HAS_LOSS:
        return -1
    n = N_COMMON
    for code in codes[:N_FEATURES]:
        sides = (code & BEYOND_CENTER > 0) + (code & BEYOND_MEAN > 0)
        clipped = (code & CLIPPED_BELOW > 0) + (code & CLIPPED_ABOVE > 0)
        if code >= 2 * TWO_SIDED or clipped > 1 or (code > 0 and not code & KNOWN):
            return -1
        if code & TWO_SIDED and sides < 2:
            return -1
        n += 2 * sides + 1 + clipped if code else 0
    if flags & HAS_ODDS:
        n += 1 + 2 * steps + (N_OF_LOSS if flags & HAS_LOSS else 0)
        for code in codes[N_FEATURES:]:
            hinges = code // ONE_HINGE
            most = len(BELOW if code & BELOW_MEAN else ABOVE)
            if hinges > most or (code > 0 and not code & KNOWN):
                return -1
            n += 2 + hinges if code else 0
    elif flags:
        return -1
    return n


def _ruler(codes: list[int], numbers: list[float], rest: Iterator[float], currency: int) -> Ruler:
    """Return what measures; what did not travel lies infinitely far on the side that adds nothing."""
    features = np.zeros(N_FEATURES, FEATURE)
    features["lowest"], features["highest"] = -_LARGEST, _LARGEST
    centers, deviations = np.full((1, N_FEATURES), np.nan), np.ones((1, N_FEATURES))
    of_known = numbers[4]
    for j, code in enumerate(codes[:N_FEATURES]):
        feature, side = features[j], FEATURES[j].side
        feature["side"], feature["deviation"] = 0 if code & TWO_SIDED else side, 1.0
        centers[0, j], feature["average"] = side * math.inf, side * math.inf
        if not code:
            continue
        if code & BEYOND_CENTER:
            centers[0, j], deviations[0, j] = next(rest), next(rest)
        if code & BEYOND_MEAN:
            feature["average"], feature["deviation"] = next(rest), next(rest)
        if code == code & (KNOWN | CLIPPED_BELOW | CLIPPED_ABOVE):
            feature["average"] = next(rest)
        else:
            feature["maturity"] = next(rest)
        if code & CLIPPED_BELOW:
            feature["lowest"] = next(rest)
        elif code & CLIPPED_ABOVE:
            feature["highest"] = next(rest)
        # Of what is expected the sum counts, over those that are known.
        feature["expected"], of_known = of_known, 0.0
    currency_means = np.full(len(CURRENCIES), np.nan)
    currency_means[currency] = numbers[0]
    nowhere = np.zeros((N_FEATURES, 1))
    return Ruler(
        features=features,
        currency_means=currency_means,
        centers_of=nowhere,
        precisions_of=nowhere,
        centers=centers,
        center_deviations=deviations,
        beliefs=np.array([numbers[1]]),
        linear_beyond=numbers[2],
        expectation_floor=numbers[3],
    )


def _odds(flags: int, codes: list[int], rest: Iterator[float]) -> LogOdds:
    if not flags & HAS_ODDS:
        return LogOdds(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0))
    means, deviations = np.zeros(N_INPUTS), np.ones(N_INPUTS)
    steps, coefficients = np.full(N_STEPS, np.inf), np.zeros(basis_size(N_INPUTS))
    coefficients[0] = next(rest)
    for s in range(flags % HAS_LOSS // ONE_STEP):
        steps[s], coefficients[1 + N_INPUTS * _N_HINGES + s] = next(rest), next(rest)
    for j, code in enumerate(codes):
        if code:
            means[j], deviations[j] = next(rest), next(rest)
            first = 1 + j * _N_HINGES + (0 if code & BELOW_MEAN else len(BELOW))
            for m in range(code // ONE_HINGE):
                coefficients[first + m] = next(rest)
    return LogOdds(means, deviations, steps, coefficients)


def _lines(flags: int, bins: list[int], numbers: list[float]) -> Lines:
    """Return the distributions: flat but for the bins of threshold and score."""
    below, empty = np.zeros(N_BINS + 1), np.zeros(N_BINS + 1)
    for place, before, after in sorted(zip(bins, numbers[6::2], numbers[7::2], strict=False)):
        below[place:] = before
        below[place + 1 :] = after
    by_odds = bool(flags & BY_ODDS)
    return Lines(
        hours=np.zeros(N_HOURS + 1, HOUR),
        distances_below=empty if by_odds else below,
        odds_below=below if by_odds else empty,
        by_odds=by_odds,
        losses_below=below if by_odds else empty,
        told=NO_LOSS,
        log_values=np.zeros(len(CURRENCIES)),
        least_log_loss=NEVER_WORTH,
    )


def _with_loss(lines: Lines, numbers: list[float], currency: int) -> Lines:
    """Return ``lines`` with what makes losses of log-odds, as `fill_loss` wrote it."""
    value, first, lower, upper, least = numbers
    lines.log_values[currency] = value
    told = np.full(N_CALIBRATION_BINS, upper)
    told[: int(first) + 1] = lower
    return lines._replace(told=told, least_log_loss=least)


def _can_be(found: Parameters) -> bool:
    """Whether the numbers are such as those of a version: nothing is divided by 0."""
    ruler, features = found.ruler, found.ruler.features
    below: Floats = found.lines.odds_below if found.lines.by_odds else found.lines.distances_below
    return bool(
        (ruler.center_deviations >= _LEAST_DEVIATION).all()
        and (features["deviation"] >= _LEAST_DEVIATION).all()
        and (found.odds.deviations >= _LEAST_DEVIATION).all()
        and ruler.expectation_floor >= _LEAST_DEVIATION
        and ruler.linear_beyond >= 0
        and ((ruler.beliefs >= 0) & (ruler.beliefs <= 1)).all()
        and (features["maturity"] >= 0).all()
        and (features["expected"] >= 0).all()
        and (below >= 0).all()
        and (below <= 1).all()
        and (np.diff(found.lines.told) >= 0).all()
    )
