"""What `import streamer` offers is there, and costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import streamer


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
