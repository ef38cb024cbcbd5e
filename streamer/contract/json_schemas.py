"""JSON Schemas of all messages, made of their structs."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from streamer.contract.answer_message import Answer
from streamer.contract.decision_message import Decision
from streamer.contract.messages import Alert, FeatureRow, Score, Transaction, Verdict

__all__ = ["json_schemas"]

_MESSAGES: Final[dict[str, type[msgspec.Struct]]] = {
    "transaction.v1": Transaction,
    "alert.v1": Alert,
    "score.v1": Score,
    "answer.v1": Answer,
    "decision.v1": Decision,
    "feedback.v1": Verdict,
    "features.v1": FeatureRow,
}
# Of these a verdict needs one each.
_ONE_OF_THESE: Final = (
    ("transaction_id", "alert_id"),
    ("verdict", "is_fraud", "fraud"),
    ("origin", "alert_id"),
)


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema (draft 2020-12) of every message, by file stem."""
    schemas = {}
    for stem, struct in _MESSAGES.items():
        schema = msgspec.json.schema(struct)
        schemas[stem] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    schemas["feedback.v1"]["$defs"]["Verdict"]["allOf"] = [
        _named(*names) for names in _ONE_OF_THESE
    ]
    return schemas


def _named(*names: str) -> dict[str, Any]:
    """Return the schema of an object that has one of these fields at least, and not as null."""
    return {
        "anyOf": [
            {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names
        ]
    }
