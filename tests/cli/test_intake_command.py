"""``streamer intake``, by its output and exit codes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner, Result

from streamer.cli import main
from tests.intake.messages import message


def run(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["intake", *arguments], input=stdin)


def test_try_prints_an_object_a_message(tmp_path: Path) -> None:
    """Every outcome, with the same entries."""
    values = [
        message(country="Brazil"),
        message(amount=-1),
        b'{"op": "d", "before": {}}',
        message(amount="42.50"),
    ]
    path = tmp_path / "sample.jsonl"
    path.write_bytes(b"\n".join(values))
    result = run("try", str(path), "--json")
    assert result.exit_code == 0
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["outcome"] for one in found] == ["payment", "refund", "skipped", "dead_letter"]
    assert found[0]["payment"]["amount"] == 42.5
    assert found[0]["ignored_fields"] == {"country": "unknown_code"}
    assert (found[3]["reason"], found[3]["path"]) == ("wrong_type", "$.amount")
    assert "decimal" in found[3]["hint"]
    text = run("try", str(path)).stdout
    assert "message-1: payment" in text
    assert "without country: unknown_code at $.country" in text
    assert "message-4: dead letter, wrong_type at $.amount" in text


def test_a_suggestion_can_be_tried(tmp_path: Path) -> None:
    """From standard input to a file, and back."""
    value = message(amount="42.50", timestamp=1795845480)
    suggested = run("suggest", "-", stdin=value)
    assert suggested.exit_code == 0
    path = tmp_path / "intake.toml"
    path.write_text(suggested.stdout)
    tried = run("try", "-", "--intake", str(path), "--json", stdin=value)
    assert json.loads(tried.stdout)["payment"]["timestamp"] == "2026-11-28T05:58:00Z"


def test_presets_are_listed_and_shown() -> None:
    """By name, with what each is for; another name is refused with those there are."""
    assert "stripe      Stripe charge events" in run("presets").stdout
    assert run("show", "stripe").stdout.startswith("about = ")
    refused = run("show", "pacs.008")
    assert refused.exit_code == 2
    assert "no card payment" in refused.stderr
    assert "did you mean stripe?" in run("show", "strype").stderr


def test_what_cannot_be_read_is_told_in_a_line(tmp_path: Path) -> None:
    """Exit 2 for arguments, 1 when every message is a dead letter."""
    assert run("try").exit_code == 2
    assert "none.jsonl" in run("try", str(tmp_path / "none.jsonl")).stderr
    assert run("try", "-", stdin=b"{").exit_code == 1
    bad = tmp_path / "bad.toml"
    bad.write_text('amout = 1\n[amount]\nunit = "cents"\n')
    result = run("try", "-", "--intake", str(bad), stdin=message())
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2


def test_a_table_without_a_card_is_asked_about_and_none_is_made_up(tmp_path: Path) -> None:
    """``suggest`` and ``try`` say the same; a masked number is a card's all the same."""
    path = tmp_path / "rows.csv"
    lines = ["Transaction ID,Amount,Currency,Created At,Merchant ID"]
    lines += [
        f"t{n},4.5{n},USD,2026-11-28T05:58:00Z," + shop for n, shop in enumerate((r"\N", "m1"))
    ]
    path.write_text("\n".join(lines) + "\n")
    toml = tmp_path / "intake.toml"
    toml.write_text(run("suggest", str(path)).stdout)
    assert "# Missing: which field is the card" in toml.read_text()
    tried = run("try", str(path), "--intake", str(toml), "--json")
    assert tried.exit_code == 1
    assert json.loads(tried.stdout.splitlines()[0])["path"] == "$.card_id"
    with_card = [lines[0] + ",Card Number (Masked)"]
    with_card += [line + ",411498******0258" for line in lines[1:]]
    path.write_text("\n".join(with_card) + "\n")
    toml.write_text(run("suggest", str(path)).stdout)
    payment = json.loads(
        run("try", str(path), "--intake", str(toml), "--json").stdout.splitlines()[0]
    )["payment"]
    assert payment["card_id"] == "411498******0258"
    assert payment.get("merchant_id") is None


def test_a_message_days_ahead_is_a_dead_letter_as_it_would_be_on_a_topic() -> None:
    """And how many of each there were is told at the end."""
    at = datetime.now(UTC)
    near, far = (
        message(transaction_id=f"t{days}", timestamp=(at + timedelta(days=days)).isoformat())
        for days in (0.5, 3)
    )
    tried = run("try", "-", "--json", stdin=near + b"\n" + far)
    one, other = map(json.loads, tried.stdout.splitlines())
    assert one["outcome"] == "payment"
    assert (other["outcome"], other["reason"]) == ("dead_letter", "timestamp_in_future")
    assert "at most 86400 s ahead of the time of arrival" in other["detail"]
    assert tried.stderr.endswith("2 read: 1 payment, 1 dead letter\n")


def test_a_suggestion_says_what_it_makes_no_use_of_and_what_looks_like_money_back() -> None:
    """Fields that nobody asked about are no fields that do not matter."""
    lines = [
        message(transaction_id=f"t{n}", amount="1.50", hdr={"sort": kind, "note": f"n{n}"})
        for n, kind in enumerate(("AUTH_RESULT", "AUTH_RESULT", "REFUND"))
    ]
    text = run("suggest", "-", stdin=b"\n".join(lines)).stdout
    assert "# Unsure: hdr.sort is REFUND in 1 of 3: if that is money back" in text
    assert "# Not used: hdr.sort, hdr.note." in text


def test_hints_of_one_bad_message_do_not_ask_for_another_declaration(tmp_path: Path) -> None:
    """What is declared and not there is missing from the message."""
    toml = tmp_path / "intake.toml"
    toml.write_text('card_id = "who.tok"\n[amount]\nunit = "minor"\n')
    values = [message(card_id=..., who={}), message(who={"tok": "a"}, amount=10.37)]
    tried = run("try", "-", "--intake", str(toml), "--json", stdin=b"\n".join(values))
    hints = [json.loads(line)["hint"] for line in tried.stdout.splitlines()]
    assert hints[0].startswith("the declared path is not in this message")
    assert hints[1].startswith("have the producer mend it if others are whole")
