"""A key that comes twice in an object is named in files; on a topic the last one counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from streamer.cli import main
from streamer.intake import Intake
from tests.datafiles.helpers import report_of
from tests.intake.messages import message, paid

PLAIN = message().decode()
TWICE = PLAIN.replace('"amount": 42.5', '"amount": 42.5, "amount": 1.5')
NESTED = '{"payload": ' + TWICE + "}"
SPACED = TWICE.replace('":', '" :')
ESCAPED = PLAIN.replace("m-1", 'm\\":1')


@pytest.mark.parametrize("twice", [TWICE, NESTED, SPACED])
def test_a_repeated_key_is_named_with_its_message(twice: str, tmp_path: Path) -> None:
    """In the file commands, in ``try`` and in ``suggest``; none where there is none."""
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join([PLAIN, ESCAPED, twice, PLAIN]) + "\n")
    note = "the key amount comes twice in message 3; the last one counts"
    assert [note in said for said in report_of(path).notes] == [True]
    for command in ("try", "suggest"):
        assert note in CliRunner().invoke(main, ["intake", command, str(path)]).output
    path.write_text("\n".join([PLAIN, ESCAPED, PLAIN]) + "\n")
    assert report_of(path).notes == []


def test_the_last_one_counts_everywhere(tmp_path: Path) -> None:
    assert paid(Intake(), TWICE.encode()).transaction.amount == 1.5
    path = tmp_path / "t.jsonl"
    path.write_text(TWICE)
    looked = CliRunner().invoke(main, ["intake", "try", str(path), "--json", "--limit", "1"])
    assert '"amount":1.5' in looked.stdout
    assert "comes twice" in looked.stderr
