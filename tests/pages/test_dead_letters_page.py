"""The page of dead letters has every reason that the code has, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

import streamer
from streamer.intake.decoding import DeadLetterReason
from streamer.intake.readings import REFUSALS
from streamer.pages import dead_letters_page

PACKAGE = Path(streamer.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "dead-letters.md"
LISTS = {"decoding.py": get_args(DeadLetterReason), "readings.py": REFUSALS}


def test_every_reason_has_cause_and_cure_and_there_is_no_other() -> None:
    assert set(dead_letters_page.CAUSES) == {*get_args(DeadLetterReason), *REFUSALS}
    assert all(cause and cure for cause, cure in dead_letters_page.CAUSES.values())


@pytest.mark.parametrize("reason", dead_letters_page.CAUSES)
def test_every_reason_is_given_somewhere(reason: str) -> None:
    """Once in each list of reasons, and at least once more."""
    texts = {path: path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    del texts[PACKAGE / "pages" / "dead_letters_page.py"]
    n_listed = sum(text.count(f'\n    "{reason}",\n') for text in texts.values())
    assert sum(text.count(f'"{reason}"') for text in texts.values()) > n_listed > 0


def test_the_page_is_as_generated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dead_letters_page.main(["--page", str(PAGE), "--check"]) == 0
    page = tmp_path / "docs" / "dead-letters.md"
    assert dead_letters_page.main(["--page", str(page), "--check"]) == 1
    assert "dead_letters_page" in capsys.readouterr().err
    assert dead_letters_page.main(["--page", str(page)]) == 0
    assert page.read_text("utf-8").count("\n| `") == len(dead_letters_page.CAUSES)
