"""What tests share: one broker and one Redis per session, and fresh names for every test."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Generator, Iterator
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from streamer.embedded import EmbeddedKafka, EmbeddedRedis
from tests.rig import jars, opa, witnesses
from tests.rig import redis as debian_redis
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.coverage_files import remove_broken
from tests.rig.redis import DebianRedis
from tests.rig.requirements import require
from tests.rig.waiting import DEADLINE_S

# Tests that run in the background have inherited that Ctrl-C is ignored, and would hand that on to
# whatever they start and then ask to end by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Machines are shared: how long an example takes, or the search for one, says nothing about the code.
# CI looks at the same examples each time: whoever lands something else is not to be refused for one
# that nobody has seen before.  Every other run searches on.
settings.register_profile(
    "streamer",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("REQUIRE_SERVICES") == "1",
    print_blob=True,
)
settings.load_profile("streamer")


# Other people's software, in environments of its own: `python -m tests.integrations`.
collect_ignore_glob = ["integrations/*/*"]

# Files and whole rooms that take minutes in one piece.
_LONG: Final = (
    "tests/faults/test_faults.py",
    "tests/ops/test_alerts_live.py",
    "tests/stream/",
    "tests/faults/",
    "tests/simulation/",
    "tests/dev/",
    "tests/demo/",
    "tests/rig/",
    "tests/store/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is long, so that the processes that share the tests end together.

    The order of the others stays, and that within a file.
    """

    def place(item: pytest.Item) -> int:
        return next((n for n, part in enumerate(_LONG) if item.nodeid.startswith(part)), len(_LONG))

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test what its workers wrote."""
    report = yield
    if report.failed:
        report.sections += witnesses.testimonies()
    if report.when == "teardown":
        witnesses.dismiss()
    return report


# Within that of pytest-cov, which puts the files together afterwards.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Remove what workers have left that were killed while they wrote down what they had covered."""
    result = yield
    if not hasattr(session.config, "workerinput"):
        terminal = session.config.pluginmanager.getplugin("terminalreporter")
        for name in remove_broken(session.config.rootpath):
            terminal.write_line(f"{name} is not counted: its process was killed while it wrote it")
    return result


@pytest.fixture(scope="session")
def kafka() -> Iterator[EmbeddedKafka]:
    """A broker that all tests share; keep them apart with `unique_topic`."""
    with EmbeddedKafka(ready_timeout_s=DEADLINE_S) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[EmbeddedRedis]:
    """A Redis that all tests share; keep them apart with `redis_namespace`."""
    with EmbeddedRedis(ready_timeout_s=DEADLINE_S) as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(redis_server: EmbeddedRedis) -> str:
    """The URL of `redis_server`."""
    return redis_server.url


@pytest.fixture(scope="session")
def opa_installed() -> None:
    """For tests that start Open Policy Agent: skips them, or fails, where it cannot start."""
    require(opa.missing())


@pytest.fixture(scope="session")
def apache_kafka_installed() -> None:
    """For tests that start Apache Kafka themselves: skips them, or fails, where it cannot start."""
    require(jars.missing())


@pytest.fixture(scope="session")
def debian_redis_installed() -> None:
    """For tests that start Debian's Redis themselves: skips them, or fails, where it is missing."""
    require(debian_redis.missing())


@pytest.fixture(scope="session")
def apache_kafka(apache_kafka_installed: None) -> Iterator[ApacheKafka]:
    """One broker of Apache Kafka that all tests share and none harms; see `unique_topic`."""
    with ApacheKafka() as server:
        yield server


@pytest.fixture(scope="session")
def redis_debian(debian_redis_installed: None) -> Iterator[DebianRedis]:
    """A Redis on disk that all tests share and none harms; see `redis_namespace`."""
    with DebianRedis("aof-everysec") as server:
        yield server


@pytest.fixture
def redis_namespace() -> str:
    """A namespace in which no key exists yet."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def unique_topic() -> Callable[..., str]:
    """Makes topic names, e.g. ``transactions-1f0c...``, that no other test has used."""

    def make(prefix: str = "topic") -> str:
        return f"{prefix}-{uuid.uuid4().hex[:12]}"

    return make
