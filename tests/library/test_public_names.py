"""What `import streamer` offers is there, and costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import streamer
from tests.library.surface import lines

GOLDEN: Final = Path(__file__).resolve().parents[1] / "golden"


@pytest.mark.parametrize("name", streamer.__all__)
def test_a_public_name_is_there_and_says_what_it_is(name: str) -> None:
    assert name in dir(streamer)
    assert name == "__version__" or getattr(streamer, name).__doc__


def test_another_name_is_none() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Detektor'"):
        _ = streamer.Detektor


def test_importing_it_imports_nothing_large() -> None:
    code = "import streamer, sys; print({'numpy', 'river', 'faust'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_public_surface_is_the_one_that_was_agreed() -> None:
    """Whoever changes it does so on purpose, by the rules of docs/library.md, and says so there."""
    agreed = (GOLDEN / "public_surface.txt").read_text("utf-8").splitlines()
    assert list(lines()) == agreed, (
        "python -m tests.library.surface > tests/golden/public_surface.txt"
    )


def test_columns_have_the_names_that_were_agreed() -> None:
    results = streamer.Results()
    assert list(results.columns()) == ["status", "score", "distance", "probability", "alerted"]
    assert list(results.alert_columns()) == [
        "row", "transaction_id", "card_id", "time", "amount", "currency", "severity", "score",
        "probability", "why",
    ]  # fmt: skip


def test_every_member_says_what_it_is() -> None:
    """The page of the reference is made of that."""
    for name in ("Detector", "Evaluation", "OnlineKMeans", "Results"):
        for member, value in vars(getattr(streamer, name)).items():
            if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                assert value.__doc__, f"{name}.{member}"
