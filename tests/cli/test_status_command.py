"""``streamer status`` beside a worker that runs, and after it was killed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from streamer.cli import main
from streamer.embedded import EmbeddedKafka
from streamer.status.troubles import Trouble
from tests.rig.ports import NOWHERE
from tests.stream.harness import Service, payments, wait_until


@pytest.fixture
def service(kafka: EmbeddedKafka, redis_url: str) -> Iterator[Service]:
    with Service(kafka.bootstrap_servers, redis_url, n_partitions=2) as service:
        yield service.create_topics()


def _status(env: dict[str, str], *arguments: str) -> Result:
    # Rich would wrap a long name into a narrow terminal.
    return CliRunner(env=env | {"COLUMNS": "200"}).invoke(main, ["status", *arguments])


def test_all_is_well_until_the_worker_is_killed(service: Service) -> None:
    """The exit code says which, the page why, and the JSON both."""
    worker = service.worker().wait_ready()
    service.produce(payments(2_000))
    service.wait_consumed()
    url = f"http://127.0.0.1:{worker.port}"
    ask = [service.env, "--worker", url]
    well = wait_until(
        lambda: (found := _status(*ask)).exit_code == 0 and found, lambda: _status(*ask).stdout
    )
    for part in ("nothing is wrong", "2,000 payments seen", "0, 1", "wanted", f"{url}: ready"):
        assert part in well.stdout, well.stdout
    told = json.loads(_status(service.env, "--json").stdout)
    assert (told["is_well"], told["troubles"]) == (True, [])
    assert sum(each["scored"] for each in told["partitions"]) == 2_000
    owners = {each["owner"] for each in told["partitions"]}
    assert owners == {each["name"] for each in told["workers"] if each["is_alive"]}

    worker.kill()
    wrong = _status(service.env, "--worker", url)
    assert wrong.exit_code == 1
    assert f"wrong: {url} does not answer" in wrong.stdout
    assert "ops/runbooks/recovery.md#worker-killed" in wrong.stdout


def test_without_redis_and_kafka_it_says_so(service: Service) -> None:
    """One line each, no traceback, exit code 1; a worker's address must be one."""
    environ = service.env | {"STREAMER_REDIS_URL": f"redis://{NOWHERE}/0"}
    away = _status(environ)
    assert (away.exit_code, away.stderr) == (1, "")
    assert "wrong: Redis does not answer" in away.stdout
    wrong = _status(environ, "--worker", "localhost:8080")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("streamer: --worker must be an http or https URL, got localhost")


def test_watched_it_is_drawn_anew_until_somebody_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every two seconds, wrong or well; with --json there is nothing to draw."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt

    drawn: list[str] = []

    def rendered(_: object, troubles: list[Trouble]) -> str:
        drawn.extend(each.what for each in troubles)
        return ""

    monkeypatch.setattr("streamer.cli.status_command.time.sleep", sleep)
    monkeypatch.setattr("streamer.cli.status_command.rendered", rendered)
    environ = {"STREAMER_REDIS_URL": f"redis://{NOWHERE}/0", "STREAMER_REDIS_TIMEOUT_S": "0.2"}
    watched = _status(environ, "--watch")
    assert slept == [2.0] * 3
    assert watched.exit_code != 0
    assert [each.startswith("Redis does not answer") for each in drawn] == [True] * 3
    told = json.loads(_status(environ, "--watch", "--json").stdout)
    assert not told["is_well"]
    assert slept == [2.0] * 3
