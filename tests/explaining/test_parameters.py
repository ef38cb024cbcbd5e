"""What travels in an alert gives its score again, bit for bit, and whatever is not it is refused."""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from dataclasses import replace
from struct import pack

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.contract.messages import Alert
from streamer.errors import ConfigurationError
from streamer.explaining.explanation import explain, explain_by_parameters
from streamer.explaining.findings import Findings, findings_by_parameters, findings_of_features
from streamer.explaining.parameters import (
    BEYOND_CENTER,
    BEYOND_MEAN,
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
    ONE_STEP,
    TWO_SIDED_FORMAT,
    checksum_of,
)
from streamer.explaining.read_parameters import unpacked_parameters
from streamer.features import CONTEXT_NAMES, FEATURE_NAMES, FEATURES, JUDGED
from streamer.model import Scorer
from tests.explaining.helpers import EURO, rows, version_ranking_by, with_losses, with_odds
from tests.explaining.test_explanation import alerts_by
from tests.pipeline.helpers import trained

RANKINGS = ("distance", "log_odds", "expected_loss")
# Of the findings these are not recomputed: there is nothing to ask at other amounts, and what is packed
# once more has one center, of index 0.
NOT_COMPARED = {"quiet_units", "is_quiet_below", "parameters"}


def version_by(ranking: str) -> Scorer:
    """Return a version; that by the distance weighs its features, that by log-odds has steps of the
    amount, as after some weeks."""
    if ranking == "distance":
        version = trained()
        return Scorer.of(version.id, version.sums, replace(version.config, agreement_floor=3.0))
    version = version_ranking_by(ranking)
    assert version.odds is not None
    steps = np.array([0.5, 1.0, 2.0])
    coefficients = version.odds.coefficients.copy()
    coefficients[-3:] = 0.3, -0.2, 0.7
    odds = version.odds._replace(steps=steps, coefficients=coefficients)
    return replace(version, odds=odds)


def text_of(ranking: str, seed: int = 0) -> str:
    version = version_by(ranking)
    X, V = rows(version, 1, seed)
    return findings_of_features(version, X, V, EURO, 0).parameters


def bits(findings: Findings) -> dict[str, object]:
    """Return what is compared, floats as their bits: NaN is NaN, and -0.0 is not 0.0."""
    told = findings._asdict()
    n = len(findings.parts)
    # What is not a part is told of nothing.
    told["usual"] = [findings.usual[int(column)] for column in findings.parts]
    assert n == int(findings.n_parts)
    return {
        name: np.asarray(value, dtype=np.float64).tobytes()
        for name, value in told.items()
        if name not in NOT_COMPARED
    }


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    ranking=st.sampled_from(RANKINGS),
    spread=st.sampled_from([0.1, 1.0, 3.0, 30.0]),
    unknown=st.sampled_from([0.0, 0.2, 0.9]),
    time_ms=st.integers(0, 86_400_000),
)
def test_parameters_give_every_number_that_the_version_gives(
    seed: int, ranking: str, spread: float, unknown: float, time_ms: int
) -> None:
    """Usual payments and such beyond every bound, with much and with next to nothing known."""
    version, rng = version_by(ranking), np.random.default_rng(seed)
    X, V = rows(version, 4, seed)
    X[:, 1:] = version.means[1:] + (X[:, 1:] - version.means[1:]) * spread
    X[:, 0] = version.currency_means[EURO] + rng.normal(size=4) * spread
    V = rng.normal(size=V.shape) * spread
    X[rng.random(X.shape) < unknown] = np.nan
    V[rng.random(V.shape) < unknown] = np.nan
    for judged in JUDGED:
        # What verdicts say of an entity is known altogether, or not at all.
        group = V[:, judged.first : judged.first + 2 * judged.n_half_lives]
        group[:] = rng.normal(size=group.shape) * spread
        group[rng.random(len(V)) < unknown] = np.nan
    for x, v in zip(X, V, strict=True):
        by_version = findings_of_features(version, x[None], v[None], EURO, time_ms)
        found = unpacked_parameters(by_version.parameters, EURO, "one")
        again = findings_by_parameters(found, x[None], v[None], EURO)
        assert bits(again) == bits(by_version)


def test_what_counts_on_both_sides_travels_in_a_format_of_its_own() -> None:
    """An amount below and above the usual one; every other alert stays readable by earlier releases."""
    version = version_by("distance")
    both = replace(version, sides=np.where(np.arange(N_FEATURES) == 0, 0, version.sides))
    X, V = rows(both, 20, 3)
    X[:10, 0] -= 5.0
    for x, v in zip(X, V, strict=True):
        by_version = findings_of_features(both, x[None], v[None], EURO, 0)
        assert b64decode(by_version.parameters)[0] == TWO_SIDED_FORMAT
        found = unpacked_parameters(by_version.parameters, EURO, "one")
        assert bits(findings_by_parameters(found, x[None], v[None], EURO)) == bits(by_version)
    assert b64decode(text_of("distance"))[0] == FORMAT


def test_in_a_currency_without_a_usual_amount_too() -> None:
    """The amount is known then, and nothing to compare."""
    for ranking in RANKINGS:
        version = version_by(ranking)
        assert math.isnan(version.currency_means[0])
        X, V = rows(version, 20, 3)
        for x, v in zip(X, V, strict=True):
            by_version = findings_of_features(version, x[None], v[None], 0, 0)
            found = unpacked_parameters(by_version.parameters, 0, "one")
            assert bits(findings_by_parameters(found, x[None], v[None], 0)) == bits(by_version)


@pytest.mark.parametrize("version", [with_odds(), with_losses()], ids=["odds", "losses"])
def test_odds_that_do_not_rank_are_recomputed_beside_the_distance(version: Scorer) -> None:
    quiet = replace(version, ranks_by_odds=False)
    X, V = rows(quiet, 20, 5)
    for x, v in zip(X, V, strict=True):
        by_version = findings_of_features(quiet, x[None], v[None], EURO, 0)
        found = unpacked_parameters(by_version.parameters, EURO, "one")
        assert not found.lines.by_odds
        again = findings_by_parameters(found, x[None], v[None], EURO)
        assert not math.isnan(again.log_odds)
        assert bits(again) == bits(by_version)


@pytest.mark.parametrize("ranking", RANKINGS)
def test_an_alert_is_explained_as_by_its_version_and_after_the_version_is_gone(
    ranking: str,
) -> None:
    """From its JSON alone; the threshold too, which the partition's pace had moved."""
    for seed in range(3):
        alerts, version = alerts_by(ranking, seed)
        for alert in alerts:
            sent = msgspec.json.decode(msgspec.json.encode(alert), type=Alert)
            by_alert = explain_by_parameters(sent)
            assert by_alert.is_reproduced, by_alert.differences
            assert by_alert.computed_from == "parameters"
            by_version = explain(sent, version)
            assert by_alert.parts == by_version.parts
            assert by_alert.remainder == by_version.remainder
            assert by_version.recomputed.items() <= by_alert.recomputed.items()
            assert by_alert.recomputed["threshold"] == alert.threshold


@pytest.mark.parametrize("ranking", RANKINGS)
def test_an_alert_stays_small(ranking: str) -> None:
    """Within what was asked for: 1.3 kB without odds and 2.4 kB with them, everything known."""
    version, longest = version_by(ranking), 0
    X, V = rows(version, 200, 1)
    X = np.where(np.isnan(X), version.means + 3.0, X)
    V = np.random.default_rng(1).normal(size=V.shape)
    for x, v in zip(X, V, strict=True):
        longest = max(
            longest, len(findings_of_features(version, x[None], v[None], EURO, 0).parameters)
        )
    assert longest <= (1_300 if ranking == "distance" else 2_400)


def test_what_is_packed_is_what_a_payment_meets() -> None:
    """By hand: nothing known but the amount, one deviation above the mean, which counts double."""
    version = replace(trained(), weights=np.full(N_FEATURES, 2.0))
    X, V = np.full((1, N_FEATURES), np.nan), np.full((1, len(CONTEXT_NAMES)), np.nan)
    X[0, 0] = version.currency_means[EURO] + version.means[0] + version.deviations[0]
    found = findings_of_features(version, X, V, EURO, 0)
    data = b64decode(found.parameters)
    head = HEAD.unpack_from(data)
    assert head[:3] == (FORMAT, 0, int(found.nearest))
    assert head[5:] == (LAYOUT, checksum_of(data, data[HEAD.size :]))
    codes = list(data[HEAD.size : HEAD.size + N_FEATURES])
    assert codes[1:] == [0] * (N_FEATURES - 1)
    numbers = np.frombuffer(data[HEAD.size + N_FEATURES :]).tolist()
    center = version.centers[head[2], 0]
    is_beyond = X[0, 0] - version.currency_means[EURO] >= center
    assert codes[0] == KNOWN | BEYOND_MEAN | (BEYOND_CENTER if is_beyond else 0)
    of_center = [center, version.variances[head[2], 0] ** 0.5] if is_beyond else []
    assert numbers[N_COMMON:] == [
        *of_center,
        version.means[0],
        version.deviations[0],
        2.0 * version.maturities[0],
    ]
    below = version.distances_below
    assert numbers[:2] == [version.currency_means[EURO], version.beliefs[head[2]]]
    assert numbers[6:8] == below[head[3] : head[3] + 2].tolist()
    assert below[head[3]] < 1 - numbers[5] <= below[head[3] + 1]
    assert numbers[8:10] == below[head[4] : head[4] + 2].tolist()
    assert numbers[8] <= found.score <= numbers[9]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("score", "score"),
        ("distance_sq", "distance_sq"),
        ("distance", "distance"),
        ("threshold", "threshold"),
    ],
)
@pytest.mark.parametrize("ranking", RANKINGS)
def test_an_altered_number_of_the_alert_is_noticed(ranking: str, name: str, told: str) -> None:
    """In its last bit."""
    alert = alerts_by(ranking)[0][0]
    moved = math.nextafter(getattr(alert, name), math.inf)
    explanation = explain_by_parameters(msgspec.structs.replace(alert, **{name: moved}))
    assert explanation.is_reproduced is False
    assert set(explanation.differences) == {told}
    assert explanation.differences[told] == (moved, getattr(alert, name))


def test_an_altered_expected_loss_is_noticed_and_the_stake_is_no_part_of_the_sum() -> None:
    alert = alerts_by("expected_loss")[0][0]
    stake, loss = alert.reasons[0], alert.expected_loss or 0.0
    assert (stake.feature, stake.contribution, stake.value) == ("expected_loss", 0.0, loss)
    assert alert.probability is not None
    assert loss == pytest.approx(alert.probability * alert.transaction.amount, rel=1e-9)
    assert loss > alert.threshold
    moved = msgspec.structs.replace(alert, expected_loss=math.nextafter(loss, math.inf))
    assert set(explain_by_parameters(moved).differences) == {"expected_loss"}


def test_an_altered_reason_or_ranking_is_noticed() -> None:
    alert = alerts_by("log_odds")[0][0]
    first = alert.reasons[0]
    reasons = [msgspec.structs.replace(first, contribution=first.contribution * 2)]
    explanation = explain_by_parameters(msgspec.structs.replace(alert, reasons=reasons))
    assert set(explanation.differences) == {f"contribution of {first.feature}"}
    other = msgspec.structs.replace(alert, ranked_by="distance")
    assert "ranked_by" in explain_by_parameters(other).differences


@pytest.mark.parametrize("ranking", RANKINGS)
def test_altered_features_are_noticed(ranking: str) -> None:
    """A value moved, one left out, and one that was not there."""
    alert = alerts_by(ranking)[0][0]
    for part in explain_by_parameters(alert).parts:
        if part.feature in alert.features and part.contribution:
            value = alert.features[part.feature]
            moved = alert.features | {part.feature: value + 0.01 * (1 + abs(value))}
            altered = msgspec.structs.replace(alert, features=moved)
            assert explain_by_parameters(altered).is_reproduced is False
    assert "card_payments_1h" in alert.features
    assert "travel_speed" not in alert.features
    fewer = {name: v for name, v in alert.features.items() if name != "card_payments_1h"}
    more = alert.features | {"travel_speed": 3.0}
    for features, named in ((fewer, "card_payments_1h"), (more, "travel_speed")):
        with pytest.raises(ConfigurationError, match=f"{named} added or left out: altered"):
            explain_by_parameters(msgspec.structs.replace(alert, features=features))


@settings(max_examples=300)
@given(
    ranking=st.sampled_from(RANKINGS),
    seed=st.integers(0, 3),
    place=st.floats(0, 1, exclude_max=True),
    bit=st.integers(0, 7),
)
def test_a_single_bit_that_is_not_as_it_was_is_refused(
    ranking: str, seed: int, place: float, bit: int
) -> None:
    data = bytearray(b64decode(text_of(ranking, seed)))
    data[int(place * len(data))] ^= 1 << bit
    with pytest.raises(ConfigurationError, match=r"^parameters of one must be "):
        unpacked_parameters(b64encode(bytes(data)).decode(), EURO, "one")


@settings(max_examples=100)
@given(ranking=st.sampled_from(RANKINGS), place=st.floats(0, 1, exclude_max=True))
def test_what_was_cut_is_refused(ranking: str, place: float) -> None:
    """The text, and the bytes within it; nothing at all, too."""
    text = text_of(ranking)
    data = b64decode(text)
    for cut in (
        text[: int(place * len(text))],
        b64encode(data[: int(place * len(data))]).decode(),
    ):
        with pytest.raises(ConfigurationError, match=r"^parameters of one must be .*; |release"):
            unpacked_parameters(cut, EURO, "one")


@settings(max_examples=200)
@given(text=st.text() | st.binary().map(lambda data: b64encode(data).decode()))
def test_any_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^parameters of one must be .*, got .*model"):
        unpacked_parameters(text, EURO, "one")


def sealed(flags: int, bins: tuple[int, int], body: bytes, *, layout: int = LAYOUT) -> str:
    """Return a text with a checksum that is right, whatever is in it."""
    head = HEAD.pack(FORMAT, flags, 0, *bins, layout, 0)
    head = HEAD.pack(FORMAT, flags, 0, *bins, layout, checksum_of(head, body))
    return b64encode(head + body).decode()


NUMBERS = st.one_of(
    st.floats(-20, 20), st.floats(), st.sampled_from([0.0, -0.0, 1e9, -1e9, 1e-9, 5e-324, 1.0])
)


@settings(max_examples=300)
@given(data=st.data())
def test_numbers_that_only_pretend_to_be_of_a_version_are_refused_or_give_numbers(
    data: st.DataObject,
) -> None:
    """With a checksum that is right: no crash, no infinity, and no distance below 0."""
    steps, has_odds = data.draw(st.integers(0, 3)), data.draw(st.booleans())
    flags = (HAS_ODDS + steps * ONE_STEP if has_odds else 0) | data.draw(st.integers(0, 1))
    flags |= HAS_LOSS * (has_odds and data.draw(st.booleans()))
    bins = data.draw(st.tuples(st.integers(0, 1_030), st.integers(0, 1_030)))
    feature = st.sampled_from([0, KNOWN, KNOWN | BEYOND_CENTER, 7, 7 | CLIPPED_ABOVE, 9])
    codes = data.draw(st.lists(feature, min_size=N_FEATURES, max_size=N_FEATURES))
    n = N_COMMON
    for code in codes:
        n += code > 0
        n += 2 * (code & BEYOND_CENTER > 0) + 2 * (code & BEYOND_MEAN > 0)
        n += code & (CLIPPED_BELOW | CLIPPED_ABOVE) > 0
    if has_odds:
        inputs = data.draw(
            st.lists(st.sampled_from([0, 1, 5, 11, 21]), min_size=N_INPUTS, max_size=N_INPUTS)
        )
        n += 1 + 2 * steps + sum(2 + code // 4 for code in inputs if code)
        n += N_OF_LOSS if flags & HAS_LOSS else 0
        codes += inputs
    seed = data.draw(st.integers(0, 2**32 - 1))
    drawn = np.random.default_rng(seed).uniform(0.001, 1.0, n)
    if flags & HAS_LOSS:
        # Which bin of the calibration, and what is told at its ends.
        drawn[-4:-1] = data.draw(st.integers(-1, 47)), *sorted(drawn[-3:-1])
    for i, number in data.draw(st.dictionaries(st.integers(0, n - 1), NUMBERS, max_size=5)).items():
        drawn[i] = number
    text = sealed(flags, bins, bytes(codes) + drawn.tobytes())
    try:
        found = unpacked_parameters(text, EURO, "one")
    except ConfigurationError:
        return
    values = st.floats(allow_nan=False, allow_infinity=False) | st.just(math.nan)
    X = np.array([data.draw(st.lists(values, min_size=N_FEATURES, max_size=N_FEATURES))])
    V = np.array(
        [data.draw(st.lists(values, min_size=len(CONTEXT_NAMES), max_size=len(CONTEXT_NAMES)))]
    )
    findings = findings_by_parameters(found, X, V, EURO)
    assert 0 <= findings.distance_sq < math.inf
    assert 0 <= findings.score <= 1
    assert all(map(math.isfinite, findings.contributions))
    assert has_odds == math.isfinite(findings.log_odds)
    assert (flags & HAS_LOSS > 0) == math.isfinite(findings.log_loss)


def test_another_release_is_named_as_the_reason() -> None:
    """A format of tomorrow, and other features."""
    data = bytearray(b64decode(text_of("distance")))
    data[0] = TWO_SIDED_FORMAT + 1
    with pytest.raises(ConfigurationError, match=r"must be of format 1 or 2, got 3, of another"):
        unpacked_parameters(b64encode(bytes(data)).decode(), EURO, "one")
    body = bytes(N_FEATURES) + bytes(8 * N_COMMON)
    with pytest.raises(ConfigurationError, match=r"must be of this release's features, got those"):
        unpacked_parameters(sealed(0, (0, 0), body, layout=LAYOUT ^ 1), EURO, "one")


def test_what_is_computed_from_parameters_is_that_of_their_format() -> None:
    """Numbers of before give what they gave: else `FORMAT` is to be raised, and this written anew.

    By hand: one feature known, which counts in full, 2 deviations of 0.5 above a center at 1 that is
    fully believed.  Its addend is 2² = 4, the factor (17 / 2 + 1) / (0.5 + 1).
    """
    common = [0.0, 1.0, 2.0, 1.0, 0.5, 0.02, 0.97, 0.99, 0.995, 0.999]
    of_feature = [1.0, 0.5, 0.0, 1.0, 1.0]
    codes = bytes([0, 0, 0, 0, KNOWN | BEYOND_CENTER | BEYOND_MEAN] + [0] * (N_FEATURES - 5))
    distance_sq = 4.0 * (9.5 / 1.5)
    place = 32 * (8 + math.log2(distance_sq))
    text = sealed(0, (300, int(place)), codes + pack("<15d", *common, *of_feature))
    X, V = np.full((1, N_FEATURES), np.nan), np.full((1, len(CONTEXT_NAMES)), np.nan)
    assert (FEATURE_NAMES[4], FEATURES[4].side) == ("card_payments_1h", 1)
    X[0, 4] = 2.0
    findings = findings_by_parameters(unpacked_parameters(text, EURO, "one"), X, V, EURO)
    assert FORMAT == 1
    assert findings.distance_sq == pytest.approx(distance_sq, rel=1e-15)
    assert findings.score == pytest.approx(0.995 + 0.004 * (place - int(place)), rel=1e-12)
    assert findings.threshold == pytest.approx(2.0 ** (-8 + 300.5 / 32), rel=1e-12)
    assert findings.parts == [4.0]
