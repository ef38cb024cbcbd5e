"""What a command prints for an error, and with which code it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.display.output import EXIT_FAILED, readable_errors


def test_a_file_that_cannot_be_opened_is_named_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "missing" / "alerts.jsonl"

    @readable_errors
    def command() -> None:
        path.write_bytes(b"")

    with pytest.raises(SystemExit) as ended:
        command()
    assert ended.value.code == EXIT_FAILED
    told = f"streamer: {path} must be readable or writable here, got: No such file or directory\n"
    assert capsys.readouterr().err == told


def test_an_error_of_the_system_without_a_file_is_a_defect_and_shows_where() -> None:
    @readable_errors
    def command() -> None:
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        command()
