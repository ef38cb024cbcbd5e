"""`model import` and `model promote`: from a file to a worker, against real servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from streamer.embedded import EmbeddedKafka
from streamer.model.codec import decode_version, encode_version
from streamer.starting.wiring import model_config
from tests.cli.test_commands import run
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Service, Worker, payments, wait_until

MakeService = Callable[..., Service]
N_FITTED = 6_000


@pytest.fixture
def make_service(kafka: EmbeddedKafka, redis_url: str) -> Iterator[MakeService]:
    made: list[Service] = []

    def make(**settings: str) -> Service:
        made.append(Service(kafka.bootstrap_servers, redis_url, **settings).create_topics())
        return made[-1]

    yield make
    for service in made:
        service.stop()


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version of four clusters, as `streamer fit` writes it."""
    directory = tmp_path_factory.mktemp("fitted")
    path, out = directory / "payments.jsonl", directory / "model.safetensors"
    path.write_bytes(b"\n".join(value or b"" for _, value in payments(N_FITTED, seed=2)))
    result = run(
        "fit", str(path), "--out", str(out), "--k", "4",
        n_clusters="4", warmup_transactions="300", alert_budget="0.02",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    return out


def command(service: Service, *arguments: str, **changes: str) -> Result:
    settings = {name.removeprefix("STREAMER_").lower(): v for name, v in service.env.items()}
    return run("model", *arguments, **settings | changes)


def complaint(result: Result) -> str:
    assert result.exit_code == 2, result.stderr
    (line,) = result.stderr.splitlines()
    return str(line)


def head_id(service: Service) -> str:
    return service.ask(lambda store: store.head()).id


def wait_model(worker: Worker, condition: Callable[[dict[str, object]], bool]) -> None:
    wait_until(
        lambda: (shown := worker.json("/model")) and condition(shown),
        lambda: worker.get("/model")[1],
    )


def test_a_worker_that_starts_from_an_imported_version_has_no_warm_up(
    make_service: MakeService, fitted: Path
) -> None:
    """It scores the first payment with the imported version, alerts, and learns on from there."""
    service = make_service(scores_enabled="true")
    result = command(service, "import", str(fitted), "--promote")
    assert result.exit_code == 0, result.stderr
    assert "made the head" in result.stderr
    imported = head_id(service)
    assert imported in result.stderr
    [entry] = service.ask(lambda store: store.lineage(5))
    assert (entry["version"], entry["reason"]) == (imported, "import")
    user, at, host = entry["who"].partition("@")
    assert user
    assert at
    assert host

    worker = service.worker().wait_ready()
    shown = worker.json("/model")
    assert (shown["version"], shown["status"]) == (imported, "learning")
    service.produce(payments(2_000, seed=3))
    total = service.wait_consumed()
    assert (total.scored, total.warming) == (2_000, 0)
    assert total.alerted > 0
    assert {len(alert.model_version) for alert in service.alerts()} == {64}
    scores = [json.loads(m.value()) for m in service.read(service.settings.scores_topic)]
    assert {score["status"] for score in scores} == {"scored"}
    # A checkpoint may fall between the partitions: one of them comes first, and met the import.
    firsts = {s["model_version"] for s in scores if s["source"]["offset"] == 0}
    assert imported in firsts
    head = service.ask(lambda store: store.head())
    assert head.sums.transactions_seen == N_FITTED + 2_000
    reasons = [v.reason for v in service.ask(lambda store: store.versions())]
    # The file as it is, the head that the promotion made of it, and what was learned since.
    assert set(reasons) == {"fit", "import", "merge"}
    assert set(reasons[:-2]) == {"merge"}


def test_a_running_worker_goes_on_from_a_promoted_version(
    make_service: MakeService, fitted: Path
) -> None:
    """Imported while it was still warming up: with its next checkpoint it scores; nothing is lost."""
    service = make_service(warmup_transactions="5000")
    worker = service.worker().wait_ready()
    service.produce(payments(200, seed=3))
    service.wait_consumed()
    assert worker.json("/model")["status"] == "warming"
    stored = command(service, "import", str(fitted))
    assert stored.exit_code == 0, stored.stderr
    assert "`streamer model promote` makes it the head" in stored.stderr
    imported = stored.stderr.split()[0]
    assert head_id(service) != imported
    promoted = command(service, "promote", imported[:12], "--force", "a test")
    assert promoted.exit_code == 0, promoted.stderr
    # The head has the imported version's own histograms for a reference: it is a version of its own.
    head = service.ask(lambda store: store.head())
    became, is_head = promoted.stderr.splitlines()
    assert became.startswith(f"{imported} became the head as {head.id[:12]}, in place of ")
    assert is_head == f"{head.id} is the head"
    assert head.header.parent == imported
    service.produce(payments(200, seed=4))
    service.wait_consumed()
    wait_model(worker, lambda shown: shown["status"] == "learning")
    # What had been gathered before belongs to the head that was replaced.
    assert service.ask(lambda store: store.head()).sums.transactions_seen == N_FITTED + 200
    entries = service.ask(lambda store: store.lineage(20))
    assert "promotion" in {entry["reason"] for entry in entries}


def test_a_rollback_goes_to_what_the_last_promotion_replaced_and_says_why(
    make_service: MakeService, fitted: Path
) -> None:
    """Once; the next one has to say where to, or it would bring the bad version back."""
    service = make_service()
    line = complaint(command(service, "rollback", "--reason", "floods"))
    assert "a version must have been promoted to go back from it" in line
    assert command(service, "import", str(fitted), "--promote").exit_code == 0
    line = complaint(command(service, "rollback", "--reason", "floods"))
    assert "a version must have been promoted to go back from it" in line
    good = head_id(service)
    worker = service.worker().wait_ready()
    service.produce(payments(400, seed=3))
    service.wait_consumed()
    before = head_id(service)
    assert before != good
    promoted = command(service, "promote", good[:12], "--reason", "by mistake", "--force", "a test")
    assert promoted.exit_code == 0, promoted.stderr
    bad = head_id(service)
    gone_back = command(service, "rollback", "--reason", "it floods reviewers")
    assert gone_back.exit_code == 0, gone_back.stderr
    back = service.ask(lambda store: store.head())
    # Its drift counts anew, so that what is back has another id, and both are told.
    assert back.header.parent == before
    is_back, is_head = gone_back.stderr.splitlines()
    assert is_back.startswith(f"{before} is back as {back.id[:12]}, in place of {bad[:12]}, ")
    assert is_head == f"{back.id} is the head"
    assert back.sums.transactions_seen == N_FITTED + 400
    service.produce(payments(200, seed=4))
    service.wait_consumed()
    wait_model(worker, lambda shown: shown["transactions_seen"] == N_FITTED + 600)
    line = complaint(command(service, "rollback", "--reason", "again"))
    assert "got a rollback at" in line
    assert f"from {bad[:12]}" in line
    told = json.loads(command(service, "history", "--json").stdout)
    kinds = [(entry["reason"], entry.get("why")) for entry in told if "replaced" in entry]
    assert kinds == [
        ("rollback", "it floods reviewers"),
        ("promotion", "by mistake"),
        ("import", None),
    ]
    assert {entry["reason"] for entry in told} & {"merge"} == set()
    everything = json.loads(command(service, "history", "--merges", "--json").stdout)
    assert len(everything) > len(told)
    table = command(service, "history").stdout
    assert "it floods reviewers" in table
    assert back.id[:12] in table


def test_another_number_of_clusters_is_refused_in_words(
    make_service: MakeService, fitted: Path
) -> None:
    """By the file against the settings, by what is stored against the file, and by a worker."""
    service = make_service()
    line = complaint(command(service, "import", str(fitted), "--promote", n_clusters="5"))
    assert "must have 5 clusters (STREAMER_N_CLUSTERS), got 4; change the setting" in line
    assert service.ask(lambda store: store.versions()) == []

    assert command(service, "import", str(fitted), "--promote").exit_code == 0
    worker = service.worker(n_clusters="5")
    assert worker.child.wait(DEADLINE_S) == 2
    assert "must have 5 clusters (STREAMER_N_CLUSTERS), got 4" in worker.log()
    line = complaint(command(service, "promote", "head", "--force", "a test", n_clusters="5"))
    assert "every version of a STREAMER_NAMESPACE must fit the same settings" in line
    assert "must have 5 clusters (STREAMER_N_CLUSTERS), got 4" in line


def test_an_import_keeps_the_state_and_says_where_it_comes_from(
    make_service: MakeService, fitted: Path, tmp_path: Path
) -> None:
    """What another namespace exported becomes `import`, `fit` stays; the id is the state's."""
    service = make_service()
    config = model_config(service.settings)
    sums, header = decode_version(fitted.read_bytes(), config)
    merged = tmp_path / "merged.safetensors"
    sums.revivals += 1
    old = replace(header, reason="merge", parent="a" * 64, created_at="2020-01-01T00:00:00Z")
    merged.write_bytes(encode_version(sums, old, config.feature_names))
    for path in (fitted, merged):
        assert command(service, "import", str(path)).exit_code == 0
    newest, other = service.ask(lambda store: store.versions())
    # Versions are trimmed by age: an import counts from now on.
    assert newest.created_at > other.created_at > header.created_at
    assert (newest.reason, newest.parent, other.reason) == ("import", "a" * 64, "fit")
    exported = tmp_path / "again.safetensors"
    assert command(service, "export", other.id, str(exported)).exit_code == 0
    again, kept = decode_version(exported.read_bytes(), config)
    assert again.cluster_sums.tobytes() == sums.cluster_sums.tobytes()
    assert kept.config_hash == header.config_hash


def test_what_is_no_version_is_one_line(make_service: MakeService, tmp_path: Path) -> None:
    service = make_service()
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"no version")
    assert "must be a safetensors file" in complaint(command(service, "import", str(path)))
    assert "must be one of the 0 stored" in complaint(
        command(service, "promote", "abc", "--force", "a test")
    )
