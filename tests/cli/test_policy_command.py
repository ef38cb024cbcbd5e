"""``streamer policy`` against a real Redis, and a broker for its audit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from streamer.embedded import EmbeddedKafka
from streamer.policies import Policy, changed_policy, policy_of
from streamer.settings import load_settings
from streamer.starting.wiring import open_store
from streamer.store import Store
from tests.cli.test_commands import audited_by, run

_NAMESPACES = count()
_Ask = Callable[[Callable[[Store], Coroutine[Any, Any, Any]]], Any]


class Namespace:
    """A namespace in which a worker has begun, and commands on it."""

    def __init__(self, redis_url: str, kafka: EmbeddedKafka) -> None:
        self.settings = {
            "redis_url": redis_url,
            "namespace": f"policy-{next(_NAMESPACES)}",
            **audited_by(kafka),
        }
        environ = {f"STREAMER_{name.upper()}": value for name, value in self.settings.items()}
        self.first: Policy = policy_of(load_settings(environ))
        self._loaded = load_settings(environ)

    def begin(self) -> None:
        self.ask(lambda store: store.policies.begin(self.first, "w1", 0))

    def ask(self, work: Callable[[Store], Coroutine[Any, Any, Any]]) -> Any:
        async def asked() -> Any:
            store = open_store(self._loaded)
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(asked())

    def run(self, *arguments: str, **environment: str) -> Result:
        return run("policy", *arguments, **self.settings, **environment)

    @property
    def in_force(self) -> str:
        return str(self.ask(lambda store: store.policies.head()))


@pytest.fixture
def here(redis_url: str, kafka: EmbeddedKafka) -> Namespace:
    namespace = Namespace(redis_url, kafka)
    namespace.begin()
    return namespace


def test_what_is_shown_is_a_file_that_gives_the_same_policy(
    here: Namespace, tmp_path: Path
) -> None:
    shown = here.run("show")
    assert shown.exit_code == 0, shown.stderr
    assert f"# policy {here.first.id}, in force" in shown.stdout
    assert "# Share of traffic that may alert" in shown.stdout
    assert "\nalert_budget = 0.005\n" in shown.stdout
    assert "\n# alerts_per_hour is not set\n" in shown.stdout
    path = tmp_path / "policy.toml"
    path.write_text(shown.stdout)
    again = here.run("apply", str(path), "--reason", "as it is")
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr == f"{here.first.id} is in force already; nothing was changed\n"
    assert len(json.loads(here.run("history", "--json").stdout)) == 1
    told = json.loads(here.run("show", "--json").stdout)
    assert (told["id"], told["is_in_force"]) == (here.first.id, True)
    assert told["values"] == dict(here.first.values)


def test_a_setting_is_changed_compared_and_remembered(here: Namespace, tmp_path: Path) -> None:
    done = here.run(
        "apply", "--set", "alert_budget=0.004", "--set", "sample_share=0", "--reason", "August"
    )
    assert done.exit_code == 0, done.stderr
    smaller = changed_policy(here.first, {"alert_budget": "0.004", "sample_share": "0"})
    assert done.stderr.splitlines() == [
        "alert_budget: 0.005 -> 0.004",
        "sample_share: 0.1 -> 0",
        f"{smaller.id} is in force, in place of {here.first.id}; running workers take it up within "
        "seconds",
    ]
    assert here.in_force == smaller.id
    # Against the environment, another id and a file.
    environment = json.loads(here.run("diff", "--json", alert_budget="0.01").stdout)
    assert environment["in_force"] == smaller.id
    assert environment["changes"] == [
        {"name": "alert_budget", "before": 0.004, "after": 0.01},
        {"name": "sample_share", "before": 0.0, "after": 0.1},
    ]
    former = here.run("diff", here.first.id[:8])
    assert former.stdout.splitlines()[1:] == [
        "alert_budget: 0.004 -> 0.005",
        "sample_share: 0 -> 0.1",
    ]
    path = tmp_path / "policy.toml"
    path.write_text("alert_budget = 0.004\nsample_share = 0\n")
    assert here.run("diff", str(path)).stdout.splitlines()[1:] == ["nothing differs"]
    newest, first = json.loads(here.run("history", "--json").stdout)
    assert (newest["id"], newest["before"], newest["why"]) == (smaller.id, first["id"], "August")
    assert "August" in here.run("history").stdout
    assert "policy" in run("model", "history", **here.settings).stdout


def test_the_environment_is_put_in_force_when_it_is_asked_for(here: Namespace) -> None:
    done = here.run("apply", "--from-environment", "--reason", "as deployed", alert_budget="0.01")
    assert done.exit_code == 0, done.stderr
    assert "alert_budget: 0.005 -> 0.01" in done.stderr
    assert here.in_force == changed_policy(here.first, {"alert_budget": "0.01"}).id


def test_a_policy_that_cannot_be_is_refused_with_all_faults_and_the_old_one_stays(
    here: Namespace, tmp_path: Path
) -> None:
    refused = here.run(
        *("apply", "--set", "alert_budget=3", "--set", "rank_by=expected_loss"),
        *("--set", "n_clusters=9", "--set", "nonsense", "--reason", "why"),
    )
    assert refused.exit_code == 2
    for fault in (
        "--set must be NAME=VALUE, got nonsense",
        "STREAMER_ALERT_BUDGET must be at most 0.2, got 3",
        "STREAMER_CURRENCY_VALUES must be set when STREAMER_RANK_BY is expected_loss",
        "STREAMER_N_CLUSTERS is not the policy's",
    ):
        assert fault in refused.stderr
    path = tmp_path / "policy.toml"
    path.write_text("review_spend_per_day = 100\nreserve_share = 0.9\n")
    refused = here.run("apply", str(path), "--reason", "why")
    assert refused.exit_code == 2
    assert "STREAMER_REVIEW_COST must be greater than 0" in refused.stderr
    assert "STREAMER_RESERVE_SHARE must be at most 0.3" in refused.stderr
    assert here.in_force == here.first.id
    assert len(json.loads(here.run("history", "--json").stdout)) == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--reason", "why"), "one of FILE, --set and --from-environment"),
        (("--from-environment", "--set", "alert_budget=0.1", "--reason", "why"), "one of FILE"),
        (("--set", "alert_budget=0.1", "--reason", " "), "--reason must say why"),
        (("--set", "alert_budget=0.1"), "Missing option '--reason'"),
    ],
)
def test_an_apply_says_what_is_to_be_in_force_and_why(
    here: Namespace, arguments: tuple[str, ...], complaint: str
) -> None:
    refused = here.run("apply", *arguments)
    assert refused.exit_code == 2
    assert complaint in refused.stderr
    assert here.in_force == here.first.id


def test_a_namespace_in_which_no_worker_began_is_left_alone(
    redis_url: str, kafka: EmbeddedKafka
) -> None:
    """Its name may be a slip."""
    empty = Namespace(redis_url, kafka)
    for command in (("show",), ("diff",), ("apply", "--from-environment", "--reason", "why")):
        refused = empty.run(*command)
        assert refused.exit_code == 2
        assert "a worker must have started in STREAMER_NAMESPACE" in refused.stderr
    assert empty.in_force == ""


def test_a_version_and_the_status_are_told_under_the_policy_in_force(here: Namespace) -> None:
    """Not under the environment of whoever asks."""
    here.run("apply", "--set", "alert_budget=0.2", "--reason", "why")
    told = json.loads(
        run("status", "--json", **here.settings | {"kafka_bootstrap_servers": "127.0.0.1:1"}).stdout
    )
    assert told["policy"] == here.in_force
    assert told["model"]["budget_requested"] == pytest.approx(0.2)
