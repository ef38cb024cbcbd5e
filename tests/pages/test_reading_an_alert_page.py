"""The page "How to read an alert" is the schema's fields, the features' sentences and a real alert."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import msgspec
import pytest

from streamer.contract.json_schemas import json_schemas
from streamer.contract.messages import Alert
from streamer.errors import InvariantError
from streamer.explaining.explanation import explain_by_parameters
from streamer.features import CONTEXT_FEATURES, FEATURES
from streamer.pages.example_alert import example_alert
from streamer.pages.reading_an_alert_page import MEANINGS, check_meanings, main, page

PAGE = Path(__file__).parents[2] / "docs" / "reading-an-alert.md"


def test_the_page_is_as_generated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And a page that is not says how to make it so."""
    assert main(["--check", "--page", str(PAGE)]) == 0
    other = tmp_path / "reading-an-alert.md"
    other.write_text("old")
    assert main(["--check", "--page", str(other)]) == 1
    assert "run python -m streamer.pages.reading_an_alert_page" in capsys.readouterr().err
    assert main(["--page", str(other)]) == 0
    assert other.read_text("utf-8") == PAGE.read_text("utf-8")


def test_a_field_that_the_page_does_not_explain_is_named_with_what_to_do() -> None:
    """One that is new, in the alert and in a reason, and one that is there no longer."""
    check_meanings()
    for part in ("Alert", "Reason"):
        schema = deepcopy(json_schemas()["alert.v1"])
        schema["$defs"][part]["properties"]["brand_new"] = {"type": "boolean"}
        with pytest.raises(
            InvariantError, match=rf"what each field of {part} means .* brand_new, "
        ):
            check_meanings(schema)
    schema = deepcopy(json_schemas()["alert.v1"])
    del schema["$defs"]["Source"]["properties"]["epoch"]
    with pytest.raises(InvariantError, match=r"no longer: epoch; write a sentence in streamer/"):
        check_meanings(schema)


def test_every_field_every_sentence_and_every_word_of_the_schema_is_there() -> None:
    text = page()
    for part, meanings in MEANINGS.items():
        assert f"\n### {part}\n" in text
        for name, meaning in meanings.items():
            assert f"`{name}`" in text
            assert meaning in text
            assert meaning.endswith((".", ")"))
    for feature in (*FEATURES, *CONTEXT_FEATURES):
        assert f"| `{feature.name}` | {feature.unit} | {feature.suspect} | " in text
        assert feature.sentence.replace("{value}", "…") in text
    for value in ("critical", "medium", "redis-unavailable", "log_odds", "above", "below"):
        assert f"`{value}`" in text


def test_the_alert_on_it_was_made_by_the_code_and_its_sentences_are_shown() -> None:
    """By log-odds, with a smaller amount and with parts on both sides; reproduced from itself."""
    alert = example_alert()
    text = page()
    for reason in alert.reasons:
        assert reason.sentence in text
    assert alert.counterfactual is not None
    assert alert.counterfactual.sentence in text
    assert alert.ranked_by == "log_odds"
    assert alert.probability is not None
    again = msgspec.json.decode(msgspec.json.encode(alert), type=Alert)
    explanation = explain_by_parameters(again)
    assert explanation.is_reproduced, explanation.differences
    assert {part.contribution > 0 for part in explanation.parts} == {True, False}
