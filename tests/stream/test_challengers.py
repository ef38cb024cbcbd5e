"""Challengers of a real worker: started and stopped while it runs, exact across crashes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamer.challenging.standing import Standing
from tests.cli.test_commands import run
from tests.stream.harness import Service, payments, wait_until
from tests.stream.test_applying import verdicts

MakeService = Callable[..., Service]


def command(service: Service, *arguments: str) -> Any:
    settings = {name.removeprefix("STREAMER_").lower(): v for name, v in service.env.items()}
    result = run("challenger", *arguments, **settings)
    assert result.exit_code == 0, result.stderr
    return result


def standing(service: Service, name: str) -> Standing | None:
    found = service.ask(lambda store: store.challengers.standings())
    return next((each for each in found if each.name == name), None)


def seen(service: Service, name: str) -> int:
    found = standing(service, name)
    return 0 if found is None else found.transactions_seen


def test_a_challenger_learns_each_payment_once_also_when_the_worker_is_killed(
    make_service: MakeService,
) -> None:
    service = make_service(checkpoint_interval_s="0.2")
    command(service, "start", "k6", "--change", "n_clusters=6")
    command(service, "start", "plain", "--distance-only")
    sent = payments(3_000)
    worker = service.worker().wait_ready()
    service.produce(sent[:1_000])
    service.wait_consumed()
    worker.kill()
    # What this one does no checkpoint holds, but for what a young model is renewed by.
    worker = service.successor(checkpoint_interval_s="600")
    service.produce(sent[1_000:1_700])
    worker.wait_scored(700)
    worker.kill()
    worker = service.successor()
    service.produce(sent[1_700:])
    scored = service.wait_consumed().scored
    assert scored == 3_000
    for name in ("k6", "plain"):
        assert seen(service, name) == scored
        found = standing(service, name)
        assert found is not None
        # All but those of the warm-up, which had no centers.
        assert 1_000 <= found.tally.n_compared < scored
    service.assert_exact()
    worker.wait_metric(
        lambda n: n > 0, "streamer_challenger_alerts", challenger="k6", alerted_by="both"
    )
    cost = worker.metric("streamer_challenger_cost_ratio", challenger="k6")
    assert 0 < cost < 1


def test_one_is_taken_up_and_let_go_of_while_the_worker_runs(
    make_service: MakeService, tmp_path: Path
) -> None:
    service = make_service(checkpoint_interval_s="0.2", n_partitions=1)
    worker = service.worker().wait_ready()
    sent = payments(3_200)
    service.produce(sent[:1_000])
    service.wait_consumed()
    command(service, "start", "head", "--version", "head")
    begun = seen(service, "head")
    assert begun > 0
    service.produce(sent[1_000:1_200])
    service.wait_consumed()
    wait_until(lambda: worker.wrote("challenger scores beside"), worker.log)
    service.produce(sent[1_200:2_400])
    service.wait_consumed()
    found = standing(service, "head")
    assert found is not None
    assert 1_000 <= found.tally.n_compared == found.transactions_seen - begun
    alerted = {alert.transaction.transaction_id for alert in service.alerts() if not alert.sampled}
    numbers = [i for i in range(1_300, 2_400) if _id(sent[i]) in alerted]
    judged = [each for i in numbers for each in verdicts(sent, range(i, i + 1))]
    service.produce(judged, service.settings.feedback_topic, partition=0)

    def told() -> Any:
        now = standing(service, "head")
        return now if now and now.tally.asked[0, :2].sum() == len(judged) else None

    now = wait_until(told, worker.log)
    n_frauds = sum(i % 3 == 0 for i in numbers)
    assert now.tally.asked[0, :2, 1].sum() == n_frauds
    plot = tmp_path / "compared.png"
    [row] = json.loads(command(service, "compare", "--json", "--plot", str(plot)).stdout)
    assert row["name"] == "head"
    assert sum(row["frauds"][who]["frauds"] for who in ("both", "only main")) == n_frauds
    assert plot.stat().st_size > 10_000
    assert "overlap" in command(service, "compare", "head").stdout
    command(service, "stop", "head")
    topic = service.settings.transactions_topic
    assert service.ask(lambda store: store.load_all(topic, 0, "challenged"))
    service.produce(sent[2_400:2_800])
    service.wait_consumed()
    wait_until(lambda: worker.wrote("challenger has been stopped"), worker.log)
    service.produce(sent[2_800:])
    service.wait_consumed()
    # Nothing of it is left, and nothing of it is asked for by a scrape.
    assert standing(service, "head") is None
    assert service.ask(lambda store: store.load_all(topic, 0, "challenged")) == {}
    assert worker.metric("streamer_challenger_payments", challenger="head") == 0.0
    service.assert_exact()


def _id(record: tuple[bytes | None, bytes | None]) -> str:
    return str(json.loads(record[1] or b"")["transaction_id"])
