"""What an environment declares, and that nothing in it says where packages come from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integrations.environments import FOLDER, Environment, environments, within


def _declared(folder: Path, text: str) -> Environment:
    (folder / "requirements.in").write_text(text)
    return Environment.of(folder)


def test_a_constraint_to_streamers_lock_puts_both_into_one_environment(tmp_path: Path) -> None:
    apart = _declared(tmp_path, "# seconds: 90\nfeast\n")
    assert (apart.seconds, apart.has_streamer, len(apart.locks)) == (90, False, 1)
    together = _declared(tmp_path, "# seconds: 9\n-c ../../../requirements.lock\nmlflow\n")
    assert (together.seconds, together.has_streamer, len(together.locks)) == (9, True, 2)
    with pytest.raises(ValueError, match="must have a line '# seconds: N'"):
        _declared(tmp_path, "mlflow\n")


def test_environments_run_as_far_as_the_seconds_go_and_the_others_have_a_reason() -> None:
    wanted = [Environment(name, n, True) for name, n in (("c", 100), ("a", 30), ("b", 50))]
    chosen, left_out = within(wanted, 80)
    assert [each.name for each in chosen] == ["a", "b"]
    assert left_out == ["c takes 100 s, of 80 s there are 0 s left"]
    assert within(wanted, None) == (wanted, [])


@pytest.mark.parametrize("name", environments())
def test_a_lock_has_what_is_asked_for_with_hashes_and_no_address(name: str) -> None:
    wanted = (FOLDER / name / "requirements.in").read_text(encoding="utf-8")
    lock = (FOLDER / name / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==(\S+)", lock, re.MULTILINE))
    asked = set(re.findall(r"^([a-z][a-z0-9._-]*)", wanted, re.MULTILINE))
    assert {"pytest", "pytest-timeout"} <= asked <= locked.keys()
    assert lock.count("==") <= lock.count("--hash=sha256:")
    assert "://" not in lock
    assert list((FOLDER / name).glob("check_*.py"))
