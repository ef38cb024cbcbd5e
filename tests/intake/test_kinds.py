"""What is suggested for each kind of message reads all of them rightly, or asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.datafiles.file_sample import Sample
from streamer.errors import ConfigurationError
from streamer.intake import Payment, Reading, parse_declaration
from streamer.intake.readings import Refused, outcome_of
from streamer.intake.suggest import suggest
from tests.intake.kinds import KINDS, N_PAYMENTS, Expected
from tests.intake.messages import ARRIVED_MS


def read(text: str, file: Path) -> list[Reading]:
    declaration = parse_declaration(text, "suggestion")
    readings = Sample.of(file).readings(declaration, arrived_ms=ARRIVED_MS)
    return [reading for _, reading in readings]


def differences(reading: Reading, expected: Expected) -> list[str]:
    """Return what is not as it should be, a line each."""
    outcome = outcome_of(reading)
    if outcome != expected.outcome:
        return [f"{outcome} for {expected.outcome}: {reading}"]
    if not isinstance(reading, Payment):
        return []
    transaction = reading.transaction
    found = {name: getattr(transaction, name) for name in expected.values}
    if "timestamp" in found:
        # A spreadsheet's serial number has a rounding error of some microseconds.
        found["timestamp"] = round(transaction.timestamp.timestamp(), 0)
    return [
        f"{name}: {found[name]!r} for {right!r}"
        for name, right in expected.values.items()
        if found[name] != right
    ]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_kind_is_read_as_it_is_meant_or_asked_about(name: str, tmp_path: Path) -> None:
    """All of the eight: outcome, ids, amount, currency, time and merchant; and what is unsure."""
    kind = KINDS[name]
    file = tmp_path / "kind"
    file.write_bytes(kind.content)
    values = list(Sample.of(file).items())
    if kind.expected[0].outcome == "refused":
        with pytest.raises(ConfigurationError):
            suggest([value for value in values if isinstance(value, bytes)])
        return
    text = suggest([value for value in values if not isinstance(value, Refused)])
    readings = read(text, file)
    assert len(readings) == N_PAYMENTS, text
    wrong = [differences(*pair) for pair in zip(readings, kind.expected, strict=True)]
    assert not any(wrong), "\n".join([*(line for lines in wrong for line in lines), text])
    comments = " ".join(line for line in text.split("\n") if line.startswith("#"))
    for word in kind.asks:
        assert word in comments, text
