"""API keys of `streamer serve` are changed while it answers: both are good while both are listed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streamer.settings import load_settings
from tests.rig.swapped import SwappedFolder, renamed_over
from tests.rig.waiting import wait_until
from tests.serving.stored_service import StoredService
from tests.serving.test_native_door import Door, served

OLD, NEW = "old-key-of-serve-canary", "new-key-of-serve-canary"
# A second until the file is looked at, and time for a busy machine.
WITHIN_S = 10.0


@pytest.fixture(params=["link", "rename"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], None]:
    """Writes the file of keys as Kubernetes does, or as Vault Agent does."""
    path = tmp_path / "serve_api_keys"
    if request.param == "rename":
        return lambda text: renamed_over(path, text)
    folder = SwappedFolder(tmp_path, {"serve_api_keys": OLD})
    return lambda text: folder.swap(serve_api_keys=text)


def test_a_good_key_is_never_refused_and_one_that_was_taken_away_is_within_seconds(
    service: StoredService,
    following: list[tuple[bytes, bytes]],
    write: Callable[[str], None],
    tmp_path: Path,
) -> None:
    write(OLD)
    own = service.settings
    settings = load_settings(
        {
            "STREAMER_SECRETS_DIR": str(tmp_path),
            "STREAMER_REDIS_URL": own.redis_url.get_secret_value(),
            "STREAMER_NAMESPACE": own.namespace,
            "STREAMER_N_CLUSTERS": str(own.n_clusters),
            "STREAMER_WARMUP_TRANSACTIONS": str(own.warmup_transactions),
            "STREAMER_SERVE_DEADLINE_S": "10",
        }
    )
    with served(settings) as door:
        assert status(door, following, OLD) == 200
        assert status(door, following, NEW) == 401
        write(f"{OLD},{NEW}")
        wait_until(lambda: b'taken_up_total{setting="serve_api_keys"} 1' in told(door), "taken up")
        # What the metrics tell is in force.
        assert status(door, following, NEW) == 200
        assert status(door, following, OLD) == 200
        # Neither opens the door to everybody.
        for fault in ("", "short"):
            write(fault)
            wait_until(lambda: b'secret_faulted{setting="serve_api_keys"} 1' in told(door), fault)
            assert [status(door, following, key) for key in (OLD, NEW, "")] == [200, 200, 401]
        write(NEW)
        began = time.monotonic()
        wait_until(lambda: status(door, following, OLD) == 401, "the old key is refused")
        assert time.monotonic() - began < WITHIN_S
        assert status(door, following, NEW) == 200
        assert not any(key.encode() in told(door) for key in (OLD, NEW))


def status(door: Door, following: list[tuple[bytes, bytes]], key: str) -> int:
    return door.ask("/v1/score", following[0][1], Authorization=f"Bearer {key}")[0]


def told(door: Door) -> bytes:
    """Return the metrics."""
    found: bytes = door.ask("/metrics")[1]
    return found
