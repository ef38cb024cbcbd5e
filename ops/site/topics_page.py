"""The page of topics and schemas: each topic's setting, key and message, each message's fields."""

from __future__ import annotations

from typing import Any, Final

from ops.site.docstring_text import as_markdown
from streamer.audit.audit_entry import audit_schema
from streamer.contract.json_schemas import json_schemas
from streamer.settings import PREFIX, Settings

__all__ = ["ELSEWHERE", "MESSAGES", "page", "schemas", "topic_settings"]

MESSAGES: Final[dict[str, tuple[str, str]]] = {
    "transactions_topic": ("`card_id`", "transaction.v1"),
    "alerts_topic": ("`card_id`", "alert.v1"),
    "overflow_topic": ("`card_id`", "alert.v1"),
    "dead_letters_topic": ("as it came", ""),
    "feedback_topic": ("`card_id`", "feedback.v1"),
    "feedback_dead_letters_topic": ("as it came", ""),
    "scores_topic": ("`card_id`", "score.v1"),
    "features_topic": ("`card_id`", "features.v1"),
    "serve_decisions_topic": ("`card_id`", "decision.v1"),
    "audit_topic": ("writer", "audit.v1"),
    "proposals_topic": ("proposal", ""),
}
"""The key of each topic's messages, and the schema of their values; "" where there is none."""
ELSEWHERE: Final = {"answer.v1": "what `streamer serve` answers over HTTP"}
"""Schemas of what is on no topic."""

_HEAD: Final = """\
# Topics and schemas

Every topic with its setting, and every message with its fields: this page is made from
`streamer/settings` and from the schemas in `schemas/`, which are made from the messages' types. Fields
are only ever added, and optional. What is dead-lettered keeps its own bytes, with its reason in headers
([dead letters](docs/dead-letters.md)); proposals are of the console alone.

| topic, and its setting | key | value | what for |
|---|---|---|---|
"""


def topic_settings() -> list[str]:
    """Return the settings that name a topic."""
    return [name for name in Settings.model_fields if name.endswith("_topic")]


def schemas() -> dict[str, dict[str, Any]]:
    """Return every schema by its file's stem."""
    return json_schemas() | {"audit.v1": audit_schema()}


def page() -> str:
    """Return the page's text."""
    rows = "".join(map(_topic, topic_settings()))
    return _HEAD + rows + "".join(_message(*each) for each in sorted(schemas().items()))


def _topic(name: str) -> str:
    field = Settings.model_fields[name]
    topic = f"`{field.default}`" if field.default else "off by default"
    key, stem = MESSAGES[name]
    value = f"[{stem}](#{_anchor(stem)})" if stem else "its own"
    said = " ".join((field.description or "").split())
    return f"| {topic}<br>`{PREFIX}{name.upper()}` | {key} | {value} | {said} |\n"


def _anchor(stem: str) -> str:
    return stem.replace(".", "")


def _message(stem: str, schema: dict[str, Any]) -> str:
    where = f" It is {ELSEWHERE[stem]}." if stem in ELSEWHERE else ""
    parts = [f"\n## {stem}\n\n[schemas/{stem}.json](schemas/{stem}.json).{where}\n"]
    first = schema.get("$ref", "").rpartition("/")[2]
    definitions: dict[str, Any] = schema.get("$defs", {})
    names = sorted(definitions, key=lambda each: (each != first, each))
    return "".join([*parts, *(_definition(name, definitions[name]) for name in names)])


def _definition(name: str, definition: dict[str, Any]) -> str:
    said = as_markdown(definition.get("description", ""))
    required = set(definition.get("required", ()))
    rows = "".join(
        f"| `{field}` | {_type(of)} | {'yes' if field in required else 'no'} |\n"
        for field, of in definition.get("properties", {}).items()
    )
    table = f"\n| field | type | required |\n|---|---|---|\n{rows}" if rows else ""
    return f"\n### {name}\n\n{said}\n{table}"


def _type(of: dict[str, Any]) -> str:
    """Return a field's type in words.

    >>> _type({"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]})
    'number, at least 0; or null'
    >>> _type({"type": "array", "items": {"$ref": "#/$defs/Reason"}})
    'list of Reason'
    """
    if "$ref" in of:
        return str(of["$ref"]).rpartition("/")[2]
    if "anyOf" in of:
        return "; or ".join(_type(each) for each in of["anyOf"])
    if "enum" in of:
        return _one_of([str(each) for each in of["enum"]])
    if of.get("type") == "array":
        return f"list of {_type(of.get('items', {}))}"
    words = str(of.get("type", "any"))
    for key, text in _LIMITS.items():
        if key in of:
            words += f", {text} {_cell(of[key])}"
    return words


_LIMITS: Final = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "minLength": "characters at least",
    "maxLength": "characters at most",
    "pattern": "like",
    "format": "as",
}
_SHOWN: Final = 12


def _one_of(values: list[str]) -> str:
    if len(values) > _SHOWN:
        return f"one of {len(values)} codes, `{values[0]}` to `{values[-1]}`"
    return " or ".join(f"`{value}`" for value in values)


def _cell(value: object) -> str:
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return f"`{shown}`".replace("|", "\\|") if isinstance(value, str) else shown
