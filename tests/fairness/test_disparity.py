"""Groups by hand, what is not told of small ones, and how often chance alone would be told."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from streamer.evaluation.rows import NO_LABEL
from streamer.fairness import (
    Grouping,
    GroupNotes,
    Limits,
    Observed,
    Told,
    compare_groups,
    fairness_findings,
    fairness_page,
    observe_service,
    read_alert,
    read_ruling,
    told_lines,
)
from streamer.fairness.fairness_findings import headline
from streamer.fairness.fairness_of_file import observed_rows
from streamer.fairness.fairness_of_service import TwoNames
from streamer.fairness.observed import MOST_GROUPS, NOT_KNOWN, OTHERS
from tests.backtesting.test_comparison import run_with

ANY = Limits(1, 1, 1, 1, 1, 1)


def observed(
    codes: list[int], alerted: list[int], labels: list[int], **changes: object
) -> Observed:
    n = len(codes)
    made = Observed(
        weights=np.ones(n),
        judged_weights=np.ones(n),
        alerted=np.array(alerted, bool),
        labels=np.array(labels),
        cards=np.arange(n),
        merchants=np.arange(n),
        groupings={"channel": Grouping(("atm", "pos"), np.array(codes))},
        is_sample=False,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


# Four payments at an ATM: an alert on a fraud, one on none, a missed fraud, and one of neither.
# Six at a till: an alert on a fraud, a fraud that was missed, and four of neither.
TEN = observed(
    [0, 0, 0, 0, 1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 1, 0, 0, 0, 0, 0], [1, 0, 1, 0, 1, 1, 0, 0, 0, 0]
)


def test_shares_of_a_group_and_of_the_rest_by_hand() -> None:
    pos, atm = compare_groups(TEN, ANY)["channel"]
    assert (pos.name, pos.payments, atm.name, atm.payments) == ("pos", 6.0, "atm", 4.0)
    found = {each.measure: (each.share.value, each.rest.value) for each in atm.compared}
    assert found == {
        "alert_rate": (0.5, 1 / 6),
        "precision": (0.5, 1.0),
        "recall": (0.5, 0.5),
        "false_alarm_rate": (0.5, 0.0),
        "honest_alarmed": (0.5, 0.0),
    }
    ratios = {each.measure: each.ratio.value for each in atm.compared}
    assert ratios["alert_rate"] == pytest.approx(3.0)
    assert (ratios["precision"], ratios["recall"]) == (0.5, 1.0)
    assert [each.four_fifths for each in atm.compared[:3]] == ["above", "below", "within"]
    # Of so few nothing is beyond chance.
    assert not any(each.is_finding for each in atm.compared)


def test_an_honest_card_counts_once_where_it_pays_mostly_and_not_at_all_with_a_fraud() -> None:
    """Card 1 pays at ATMs twice and at a till once, where it has its false alarm; card 2 has a fraud.

    Card 3 pays at tills alone, card 4 as often in either: it counts with the first name.
    """
    some = observed(
        [0, 0, 1, 0, 1, 1, 0],
        [0, 0, 1, 1, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 0],
        cards=np.array([1, 1, 1, 2, 3, 4, 4]),
    )
    groups = {group.name: group for group in compare_groups(some, ANY)["channel"]}
    atm = next(each for each in groups["atm"].compared if each.measure == "honest_alarmed")
    assert (atm.share.hits, atm.share.of, atm.rest.hits, atm.rest.of) == (1.0, 2.0, 0.0, 1.0)


def test_a_group_that_is_too_small_is_not_told_and_the_report_says_so() -> None:
    found = fairness_findings(TEN, Limits(5, 1, 1, 1), "ten")
    told = found["dimensions"]["channel"]
    assert [group["name"] for group in told["groups"]] == ["pos"]
    assert told["told"] == (
        "1 of 2 groups have at least 5 payments; the smaller one, 4 payments, in the rest and not told"
    )
    # What is left has four payments itself, too few to be held against.
    measures = {each["measure"] for each in told["groups"][0]["compared"]}
    assert measures == {"precision", "recall", "honest_alarmed"}
    few = compare_groups(TEN, Limits(4, 30, 3, 100))["channel"]
    assert {each.measure for group in few for each in group.compared} == {"alert_rate"}


def test_one_group_has_nothing_to_be_compared_with_and_a_payment_may_have_none() -> None:
    one = fairness_findings(
        replace(TEN, groupings={"currency": Grouping(("EUR",), np.zeros(10, int))}), ANY, ""
    )
    assert (
        one["dimensions"]["currency"]["told"] == "all payments are of one (EUR): nothing to compare"
    )
    none = Grouping((), np.full(10, -1))
    assert fairness_findings(replace(TEN, groupings={"country": none}), ANY, "")["dimensions"] == {
        "country": {
            "told": "no payment names one",
            "groups": [],
            "smaller_groups": 0,
            "payments_in_smaller_groups": 0.0,
            "payments_without": 10.0,
        }
    }
    some = Grouping(("atm", "pos"), np.array([0, 0, 0, 0, 1, 1, 1, 1, -1, -1]))
    told = fairness_findings(replace(TEN, groupings={"channel": some}), ANY, "")["dimensions"]
    assert told["channel"]["payments_without"] == 2.0
    assert told["channel"]["told"].endswith("; 2 payments name none")


def test_a_difference_beyond_chance_is_a_finding_in_words_text_and_page() -> None:
    """900 of 3,000 payments against 100 of 3,000: nine times as often."""
    alerted = [1] * 900 + [0] * 2_100 + [1] * 100 + [0] * 2_900
    many = observed([0] * 3_000 + [1] * 3_000, alerted, [-1] * 6_000)
    found = fairness_findings(many, Limits(), "six thousand")
    # Tills are the rest of ATMs: told of both, and one difference.
    assert len(found["findings"]) == 1
    assert any(
        each.startswith("channel atm alerts 9.00 times as often as the rest (30% against 3.33%; ")
        and each.endswith("beyond four fifths)")
        for each in found["findings"]
    )
    text, page = "\n".join(told_lines(found)), fairness_page(found)
    assert "1 difference beyond chance" in text
    assert page.count('<tr class="differs">') == 2
    assert "<script" not in page
    assert "http" not in page
    assert "no test" in page


def test_chance_alone_is_told_in_about_one_report_of_twenty_at_most() -> None:
    """Twenty groups alike, 80 reports, seed 4: five in a hundred by design, ten at most here."""
    rng, reports = np.random.default_rng(4), 0
    for _ in range(80):
        n = 8_000
        alike = Observed(
            weights=np.ones(n),
            judged_weights=np.ones(n),
            alerted=rng.random(n) < 0.05,
            labels=np.full(n, -1),
            cards=rng.integers(0, 2_000, n),
            merchants=rng.integers(0, 500, n),
            groupings={"country": Grouping(tuple(map(str, range(20))), rng.integers(0, 20, n))},
            is_sample=False,
        )
        groups = compare_groups(alike, Limits(100))["country"]
        reports += any(each.is_finding for group in groups for each in group.compared)
    assert reports <= 8


def test_of_a_file_draws_are_no_alerts_and_the_first_quarter_does_not_count() -> None:
    """Rows 2 to 7 of eight; row 7 was drawn.  Frauds are 3, 4 and 6."""
    rows = run_with({1, 3}, frozenset({7}))
    rows = replace(rows, scenarios=np.where(np.arange(8) == 5, NO_LABEL, rows.scenarios))
    found = observed_rows(
        rows, {"channel": Grouping(("pos",), np.zeros(8, int))}, np.array([5] * 8)
    )
    assert found.merchants.tolist() == [0] * 6
    assert found.alerted.tolist() == [False, True, False, False, False, False]
    assert found.labels.tolist() == [0, 1, 1, -1, 1, 0]
    assert len(found.groupings["channel"].codes) == 6


def alert(number: int, **fields: object) -> bytes:
    payment = {"transaction_id": f"t{number}", "card_id": f"c{number}", "currency": "EUR"}
    payment |= {"channel": fields.pop("channel", "pos")}
    return msgspec.json.encode({"alert_id": f"a{number}", "transaction": payment, **fields})


def test_of_a_service_the_sample_stands_for_what_did_not_alert_and_the_judged_for_their_kind() -> (
    None
):
    """Four alerts, three of them judged, and two drawn for 100 and 300, judged."""
    alerts = [alert(i) for i in range(3)] + [alert(3, channel="atm"), alert(3, channel="atm")]
    alerts += [alert(4, sampled=True, sample_weight=100.0)]
    alerts += [alert(5, sampled=True, sample_weight=300.0, channel="atm"), b"{}", b"no JSON"]
    rulings = [
        {"transaction_id": "t0", "verdict": "FRAUD", "origin": "reviewer"},
        {"alert_id": "a1", "is_fraud": False},
        {"alert_id": "a1", "fraud": True},
        {"alert_id": "a3", "verdict": "fraud", "origin": "chargeback"},
        {"alert_id": "a3", "verdict": "legitimate", "origin": "reviewer"},
        {"alert_id": "elsewhere", "is_fraud": True},
        {"alert_id": "a2"},
        {"alert_id": "a4", "is_fraud": True},
        {"alert_id": "a5", "is_fraud": True},
    ]
    told = [each for each in map(read_alert, alerts) if each is not None]
    said = [
        each for each in (read_ruling(msgspec.json.encode(r)) for r in rulings) if each is not None
    ]
    assert read_ruling(b"[") is None
    found = observe_service(told, said)
    assert found.labels.tolist() == [1, 1, -1, 1, 1, 1]
    assert found.weights.tolist() == [1, 1, 1, 1, 100, 300]
    # Three judged alerts stand for four; one judged draw of 300 stands for 400.
    assert found.judged_weights[[0, 5]].tolist() == [pytest.approx(4 / 3), 300.0]
    one = observe_service(told, [*said[:-2], said[-1]])
    assert one.judged_weights[[0, 5]].tolist() == [pytest.approx(4 / 3), pytest.approx(400.0)]
    atm, pos = compare_groups(found, ANY)["channel"]
    shares = {each.measure: each.share.value for each in atm.compared}
    assert (atm.payments, pos.payments) == (301.0, 103.0)
    assert shares["alert_rate"] == pytest.approx(1 / 301)
    assert shares["recall"] == pytest.approx((4 / 3) / (4 / 3 + 300))
    assert "honest_alarmed" not in shares
    # Nobody has judged what was drawn at tills: their recall is not all, it is not known.
    half = observe_service(told, said[:5])
    measures = {e.measure for g in compare_groups(half, ANY)["channel"] for e in g.compared}
    assert measures == {"alert_rate", "precision"}
    findings = fairness_findings(found, ANY, "alerts")
    assert findings["is_estimated"]
    assert "an estimated 404 payments" in told_lines(findings)[0]


def test_what_the_fuse_held_back_alerted_and_is_judged_apart_where_any_of_it_was() -> None:
    """Two alerts, one of them judged; three held back, and one that is on the alerts topic, too."""

    def told(*values: bytes) -> list[Told]:
        return [each for each in map(read_alert, values) if each is not None]

    def said(*alert_ids: str) -> list[TwoNames]:
        return [TwoNames(alert_id=each, is_fraud=True) for each in alert_ids]

    out = told(alert(0), alert(1), alert(9, sampled=True, sample_weight=50.0))
    held = told(alert(1), alert(2), alert(3), alert(4))
    found = observe_service(out, said("a0"), held)
    assert (found.alerted.tolist(), found.n_held) == ([True, True, False, True, True, True], 3)
    assert found.weights.tolist() == [1, 1, 50, 1, 1, 1]
    # Nobody judged what was held: the one that was judged stands for all five.
    assert found.judged_weights[0] == 5.0
    apart = observe_service(out, said("a0", "a3"), held)
    # One of two that went out, and one of three that were held.
    assert apart.judged_weights[[0, 4]].tolist() == [2.0, 3.0]
    assert "5 alerts (3 of them held back by the fuse)" in headline(
        fairness_findings(apart, ANY, "alerts")
    )


def test_very_many_names_are_a_thousand_groups_and_one_of_all_others() -> None:
    """The largest stay, each with a second payment; of a file it is those that came first."""
    names = [f"c{n:04d}" for n in range(MOST_GROUPS + 50)]
    values = [alert(i, channel=name) for i, name in enumerate(names + names[50:])]
    told = [each for each in map(read_alert, values) if each is not None]
    channels = observe_service(told, []).groupings["channel"]
    assert len(channels.names) == MOST_GROUPS + 1
    assert set(names) - set(channels.names) == set(names[:50])
    others = channels.names.index(OTHERS)
    assert int((channels.codes == others).sum()) == 50
    notes = GroupNotes()
    numbers = [notes._channel(name) for name in (*names, None, names[0], names[-1])]
    assert len(set(numbers)) == MOST_GROUPS + 2
    assert numbers[-3:] == [NOT_KNOWN, 0, MOST_GROUPS]


def test_estimates_from_a_sample_are_those_of_all_payments_on_average() -> None:
    """Draws at 1 / 25 of what did not alert: 200 samples of one population, seed 8."""
    rng, n = np.random.default_rng(8), 20_000
    codes, alerted = rng.integers(0, 2, n), rng.random(n) < 0.02
    truth = alerted[codes == 0].mean()
    recalls = []
    whole = Grouping(("atm", "pos"), codes)
    for _ in range(200):
        drawn = ~alerted & (rng.random(n) < 1 / 25)
        kept = np.flatnonzero(alerted | drawn)
        sample = Observed(
            weights=np.where(alerted, 1.0, 25.0)[kept],
            judged_weights=np.ones(len(kept)),
            alerted=alerted[kept],
            labels=np.full(len(kept), -1),
            cards=np.arange(len(kept)),
            merchants=np.arange(len(kept)),
            groupings={"channel": replace(whole, codes=codes[kept])},
            is_sample=True,
        )
        groups = {group.name: group for group in compare_groups(sample, Limits(1))["channel"]}
        share = groups["atm"].compared[0].share
        recalls.append((share.value, share.low <= truth <= share.high))
    assert np.mean([value for value, _ in recalls]) == pytest.approx(truth, rel=0.02)
    assert np.mean([covers for _, covers in recalls]) >= 0.94


def of_sample(n_alerts: int, drawn: list[int]) -> Observed:
    """``n_alerts`` judged alerts and draws labelled ``drawn`` at ATMs, each for 50, and as many at
    tills; every other alert is a fraud."""
    labels = [i % 2 for i in range(n_alerts)] + drawn
    alerted = [1] * n_alerts + [0] * len(drawn)
    weights = np.array(([1.0] * n_alerts + [50.0] * len(drawn)) * 2)
    codes = [0] * len(labels) + [1] * len(labels)
    made = observed(codes, alerted * 2, labels * 2, weights=weights, judged_weights=weights)
    return replace(made, is_sample=True)


@pytest.mark.parametrize(
    ("drawn", "told"),
    [
        ([], {"precision"}),
        # Draws that nobody has judged tell how many payments there are, and no more.
        ([-1] * 40, {"alert_rate", "precision"}),
        ([0] * 40, {"alert_rate", "precision", "false_alarm_rate"}),
        ([0] * 36 + [1] * 4, {"alert_rate", "precision", "false_alarm_rate"}),
        ([0] * 35 + [1] * 5, {"alert_rate", "precision", "false_alarm_rate", "recall"}),
        ([0] * 4 + [1] * 5, {"precision"}),
    ],
)
def test_what_did_not_alert_is_told_of_groups_where_enough_of_it_was_drawn_and_judged(
    drawn: list[int], told: set[str]
) -> None:
    groups = compare_groups(of_sample(80, drawn), Limits(50))["channel"]
    assert len(groups) == 2
    for group in groups:
        assert {each.measure for each in group.compared} == told


def test_a_group_is_not_held_against_a_rest_of_which_nothing_was_drawn() -> None:
    made = of_sample(80, [0] * 35 + [1] * 5)
    cut = made.alerted | (made.groupings["channel"].codes == 0)
    lacking = replace(made, alerted=cut, labels=np.where(cut & ~made.alerted, -1, made.labels))
    groups = compare_groups(lacking, Limits(50))["channel"]
    assert {each.measure for group in groups for each in group.compared} == {"precision"}


def test_a_level_is_among_all_comparisons_of_a_report_and_two_groups_are_one() -> None:
    """60 of 1,000 against 37 of 1,000: beyond 95%, and not among six that have the like."""
    alerted = [1] * 60 + [0] * 940 + [1] * 37 + [0] * 963
    once = observed([0] * 1_000 + [1] * 1_000, alerted, [-1] * 2_000)
    assert len(fairness_findings(once, Limits(), "")["findings"]) == 1
    six = replace(once, groupings={f"d{i}": once.groupings["channel"] for i in range(6)})
    assert fairness_findings(six, Limits(), "")["findings"] == []
