"""`streamer fairness report` of a file and of a running service's topics, as text, JSON and a page."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streamer.datafiles import write_rows
from streamer.embedded import EmbeddedKafka
from streamer.simulator import Simulator, SimulatorConfig
from tests.cli.test_commands import run

SETTINGS = {"warmup_transactions": "500", "n_clusters": "4", "alert_budget": "0.02"}


def test_a_file_is_told_by_group_and_the_page_needs_nothing_else(tmp_path: Path) -> None:
    payments, page = tmp_path / "payments.parquet", tmp_path / "fairness.html"
    write_rows(payments, [Simulator(SimulatorConfig(seed=3)).generate(6_000).rows()])
    arguments = ("fairness", "report", str(payments), "--least", "300", "--labels", "none")
    result = run(*arguments, "--html", str(page), "--json", **SETTINGS)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["payments"] == found["observed"] == 4_500
    assert not found["is_estimated"]
    assert set(found["dimensions"]) == {"country", "channel", "category", "currency"}
    channels = {each["name"]: each for each in found["dimensions"]["channel"]["groups"]}
    assert {"pos", "ecommerce"} <= channels.keys()
    assert sum(each["payments"] for each in channels.values()) <= 4_500
    rate = next(e for e in channels["pos"]["compared"] if e["measure"] == "alert_rate")
    assert rate["interval"][0] <= rate["share"] <= rate["interval"][1]
    assert "<h2>By channel</h2>" in page.read_text(encoding="utf-8")
    assert run(*arguments, "--html", str(tmp_path / "no" / "x.html"), **SETTINGS).exit_code == 2


def test_a_service_is_told_from_its_topics(
    kafka: EmbeddedKafka, unique_topic: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty alerts at tills and twenty at machines; forty and twenty payments drawn for 50 and 10 each.

    A third of all is judged.  Ten more at machines were held back.  So 40 of 2,040 and 30 of 230 alert.
    """
    topics = unique_topic("alerts"), unique_topic("verdicts"), unique_topic("overflow")
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for made in admin.create_topics([NewTopic(topic, 2) for topic in topics]).values():
        made.result(30)
    settings = {
        "kafka_bootstrap_servers": kafka.bootstrap_servers,
        "alerts_topic": topics[0],
        "feedback_topic": topics[1],
        "overflow_topic": topics[2],
    }
    nothing = run("fairness", "report", **settings)
    assert nothing.exit_code == 2
    assert "must have alerts of the last 30 days, got none" in nothing.stderr
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})

    def send(topic: str, n: int, value: dict[str, Any]) -> None:
        # The first came an hour after the days that are asked for began.
        at_ms = round((time.time() - 30 * 86_400 + 3_600) * 1000) if n == 0 else 0
        producer.produce(topic, msgspec.json.encode(value), partition=n % 2, timestamp=at_ms)

    for n in range(130):
        channel = "pos" if n < 80 else "atm"
        payment = {
            "transaction_id": f"t{n}",
            "card_id": f"c{n}",
            "currency": "EUR",
            "channel": channel,
        }
        drawn: dict[str, Any] = {}
        if 40 <= n < 80 or 100 <= n < 120:
            drawn = {"sampled": True, "sample_weight": 50.0 if n < 80 else 10.0}
        topic = topics[0] if n < 120 else topics[2]
        send(topic, n, {"alert_id": f"a{n}", "transaction": payment} | drawn)
        if n % 3 == 0 and n < 120:
            send(topics[1], n, {"alert_id": f"a{n}", "verdict": "fraud" if n % 2 else "legitimate"})
    assert producer.flush(30) == 0
    result = run("fairness", "report", "--least", "20", "--json", **settings)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["is_estimated"], found["payments"], found["alerts"]) == (True, 2_270.0, 70)
    assert (found["held_back"], found["is_cut"]) == (10, False)
    assert (found["sampled"], found["judged"], found["frauds"]) == (60, 40, 20)
    assert (found["is_cut"], found["oldest_at"][:2]) == (False, "20")
    pos, atm = found["dimensions"]["channel"]["groups"]
    assert (pos["name"], pos["payments"], atm["payments"]) == ("pos", 2_040.0, 230.0)
    shares = {each["measure"]: each["share"] for each in pos["compared"]}
    assert shares["alert_rate"] == float(f"{40 / 2_040:.6g}")
    text = run("fairness", "report", "--least", "20", **settings).stdout
    told = "2,270 payments, 130 cards, 70 alerts (10 of them held back by the fuse), 40 judged"
    assert f"an estimated {told}" in text
    # 40 / 2,040 over 30 / 230.
    assert "channel pos alerts 0.15 times as often as the rest (1.96% against 13" in text
    assert "is read at once" not in text
    monkeypatch.setattr("streamer.cli.fairness_command._MOST", 80)
    gone = settings | {"overflow_topic": unique_topic("none")}
    cut = run("fairness", "report", "--least", "20", **gone).stdout
    assert "held back" not in cut
    assert "the first of these days are not in it" in cut
    assert "last 30 days: an estimated" in text
    # Asked for more days than the topic has it says since when.
    monkeypatch.setattr("streamer.cli.fairness_command._MOST", 500_000)
    longer = run("fairness", "report", "--least", "20", "--days", "90", "--json", **settings)
    told = json.loads(longer.stdout)
    assert (told["is_cut"], told["payments"]) == (True, 2_270.0)
    assert f"last 90 days, of which the first alert is of {told['oldest_at']}" == told[
        "source"
    ].removeprefix(f"{topics[0]}, ")
