"""The page "Your data" is the presets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamer.intake import parse_declaration, preset_names
from streamer.pages.your_data_page import main, page

PAGE = Path(__file__).parents[2] / "docs" / "your-data.md"


def test_the_page_is_as_generated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And a page that is not says how to make it so."""
    assert main(["--check", "--page", str(PAGE)]) == 0
    other = tmp_path / "your-data.md"
    other.write_text("old")
    assert main(["--check", "--page", str(other)]) == 1
    assert "python -m streamer.pages.your_data_page" in capsys.readouterr().err
    assert main(["--page", str(other)]) == 0
    assert other.read_text() == page()


def test_every_layout_on_the_page_is_a_declaration() -> None:
    """Its lines can be copied into a file as they are."""
    blocks = re.findall(r"### (\S+)\n.*?```toml\n(.*?)```", page(), re.DOTALL)
    assert [name for name, _ in blocks] == preset_names()
    for name, lines in blocks:
        assert (
            parse_declaration(lines, name).hash == parse_declaration(f'preset = "{name}"', "x").hash
        )
