"""What is kept has a row each: of keys, topics and settings, and the page is made of them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import streamer
from streamer.pages import retention_page
from streamer.retention.kept_files import KEPT_FILES
from streamer.retention.kept_keys import KEPT_KEYS, rows_of_key
from streamer.retention.kept_topics import KEPT_TOPICS, differing, topic_config
from streamer.settings import Settings, load_settings
from streamer.store.keys import Keys

PAGE = Path(__file__).parents[2] / "docs" / "retention.md"
PACKAGE = Path(streamer.__file__).parent
DAY_MS = 86_400_000


def all_keys() -> set[str]:
    """Return a key of every kind that `Keys` makes, told by what follows the namespace."""
    keys = Keys("n")
    named = [name for name, made in vars(Keys).items() if isinstance(made, property)]
    found = {getattr(keys, name) for name in named if name != "shared"} | {*keys.shared}
    found |= {keys.version("a" * 64), keys.challenger("wide"), keys.policy("p-1")}
    found |= {keys.replayed("dlq", "an_id", 0), keys.replayed("dlq", "", 0)}
    found |= {keys.partition("a.b-c_d", 12), keys.feedback("t", 0), keys.lessons("t", 0)}
    kinds = ("cards", "card_verdicts", "merchants", "merchant_verdicts", "repeats", "labels")
    found |= {keys.entities(kind, "t", 0) for kind in (*kinds, "rulings", "challenged")}
    return {each.removeprefix("streamer:{n}:") for each in found}


def names_of_reviews() -> set[str]:
    """Return the names under which the code asks for what the console keeps, in loops too."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("keys.review"):
                found |= texts_of(node.args[0], tree, path)
    return found - {""}


def texts_of(argument: ast.expr, tree: ast.Module, path: Path) -> set[str]:
    """Return every text that an argument may be: itself, or what a loop of its module goes through."""
    if isinstance(argument, ast.Constant):
        return {str(argument.value)}
    assert isinstance(argument, ast.Name), (path, argument.lineno)
    constants = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.For | ast.comprehension):
            continue
        targets = {each.id for each in ast.walk(node.target) if isinstance(each, ast.Name)}
        if argument.id in targets:
            through = node.iter
            if isinstance(through, ast.Name):
                through = constants.get(through.id, through)
            found |= {
                each.value
                for each in ast.walk(through)
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            }
    assert found, (path, argument.lineno)
    return {each for each in found if re.fullmatch("[a-z-]+", each)}


def test_the_page_is_as_generated_and_a_difference_is_told(tmp_path: Path) -> None:
    """Otherwise: python -m streamer.pages.retention_page."""
    assert retention_page.main(["--page", str(PAGE), "--check"]) == 0
    page = tmp_path / "retention.md"
    page.write_text("other", "utf-8")
    assert retention_page.main(["--page", str(page), "--check"]) == 1


@pytest.mark.parametrize("rest", sorted(all_keys()))
def test_every_key_that_can_be_made_has_exactly_one_row(rest: str) -> None:
    assert len(rows_of_key(rest)) == 1, rest


def test_everything_of_the_console_has_a_row_by_itself_or_by_alert() -> None:
    names = names_of_reviews()
    assert {"alert", "judged", "snoozes", "bound-names", "known"} <= names
    # In loops alone.
    assert {"looked", "arrived", "twice", "pairs"} <= names
    for name in names:
        rests = f"review:{name}", f"review:{name}:a0", f"review:{name}:{'a' * 64}"
        assert {len(rows_of_key(each)) for each in rests} <= {0, 1}, name
        assert any(map(rows_of_key, rests)), name


def test_what_nobody_has_stated_has_no_row() -> None:
    for rest in ("", "cards", "cards:t:0:more", "review:other", "version:abc", "model:version:1"):
        assert rows_of_key(rest) == [], rest


def test_rows_name_settings_that_there_are_and_each_its_own_thing() -> None:
    rows = (*KEPT_KEYS, *KEPT_FILES)
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        assert set(row.settings) <= Settings.model_fields.keys(), row.name
        assert row.until, row.name
        assert row.removed_by, row.name


def test_every_topic_of_the_settings_has_a_row() -> None:
    topics = {name for name in Settings.model_fields if name.endswith("_topic")}
    assert {row.setting for row in KEPT_TOPICS} == topics


def test_a_topic_that_is_created_keeps_messages_as_is_stated() -> None:
    settings = load_settings({"STREAMER_ALERTS_RETENTION_S": "3600.5"})
    assert topic_config(settings, settings.overflow_topic) == {
        "cleanup.policy": "delete",
        "retention.ms": "3600500",
    }
    audit = topic_config(settings, settings.audit_topic)
    assert (audit["retention.ms"], audit["retention.bytes"]) == (str(400 * DAY_MS), "-1")
    # The payment system's, and somebody else's.
    assert topic_config(settings, settings.transactions_topic) == {}
    assert topic_config(settings, "another") == {}


@pytest.mark.parametrize(
    ("topic", "told", "said"),
    [
        ("fraud-alerts", {"retention.ms": str(7 * DAY_MS), "cleanup.policy": "delete"}, []),
        # For less than is stated nobody is told more of a card.
        ("fraud-alerts", {"retention.ms": str(DAY_MS)}, []),
        ("fraud-alerts", {"retention.ms": str(30 * DAY_MS)}, ["of cards 30 days"]),
        ("transactions-dlq", {"retention.ms": "-1"}, ["of cards for ever"]),
        ("fraud-feedback", {"cleanup.policy": "compact"}, ["for ever (cleanup.policy)"]),
        ("streamer-audit", {"retention.ms": str(7 * DAY_MS)}, ["keeps entries 7 days"]),
        # Who has to keep an audit for longer does, and not by how much there is of it.
        ("streamer-audit", {"retention.ms": str(500 * DAY_MS)}, []),
        ("streamer-audit", {"retention.ms": "-1", "retention.bytes": "-1"}, []),
        ("streamer-audit", {"retention.bytes": "1048576"}, ["keeps 1,048,576 bytes"]),
        ("fraud-alerts", {"retention.bytes": "1048576"}, []),
        # No card is on it, and a broker may say nothing, or nonsense.
        ("streamer-proposals", {"retention.ms": "-1", "cleanup.policy": "compact"}, []),
        ("fraud-alerts", {}, []),
        ("fraud-alerts", {"retention.ms": "a week"}, []),
        ("transactions", {"retention.ms": "-1"}, []),
    ],
)
def test_where_a_broker_keeps_more_than_is_stated_it_is_said(
    topic: str, told: dict[str, str], said: list[str]
) -> None:
    found = differing(Settings(), {topic: told, "not-ours": {"retention.ms": "-1"}})
    assert len(found) == len(said)
    assert all(part in sentence for part, sentence in zip(said, found, strict=True))
    assert all("STREAMER_" in sentence and topic in sentence for sentence in found)
