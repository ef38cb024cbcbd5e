"""What a producer's messages look like, as a TOML file says it.

A field is a path, a list of paths of which the first that is present counts, or a table.  A field that
is not declared is taken from where the contract has it.  `check` reports every fault at once, each with
its place; the `hash` of a declaration is that of its canonical JSON, whatever the file's order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
import orjson
from msgspec import Meta

from streamer.contract.messages import Transaction
from streamer.errors import ConfigurationError
from streamer.intake.checking import Checked, check_table, load_toml
from streamer.intake.epochs import Unit
from streamer.intake.naming import without_numbers
from streamer.intake.presets import preset_content

__all__ = [
    "AmountField",
    "Declaration",
    "Field",
    "Rule",
    "SchemaSource",
    "TimestampField",
    "declaration_of",
    "parse_declaration",
]

Constant = str | int | float
Change = Literal["skip", "payment"]


class Field(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Where a field comes from: the first path that is there, a constant, or the position.

    ``"date + time"`` is a path too: the texts at both, with the separator between them.
    """

    path: tuple[str, ...] = ()
    separator: str = "-"
    constant: Constant | None = None
    default: Constant | None = None
    values: dict[str, Constant] = {}
    position: bool = False
    """The message's place (partition and offset, or row) stands for an id that it does not have."""


class AmountField(Field, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How an amount is written; ``negative`` says what an amount below zero is."""

    unit: Literal["major", "minor"] = "major"
    decimal: Literal[".", ","] | None = None
    thousands: Literal[",", ".", " ", "'"] | None = None
    scale: Annotated[int, Meta(ge=0, le=40)] | None = None
    decimals: dict[str, Annotated[int, Meta(ge=0, le=6)]] = {}
    """Where a producer's minor units are not those of ISO 4217."""
    negative: Literal["refund", "payment"] = "refund"


class TimestampField(
    Field, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """How a time is written: a count of units, a text of some form, in a zone."""

    unit: Unit | None = None
    origin: str | None = None
    zone: str | None = None
    format: tuple[str, ...] = ()


class Rule(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What must all hold of the value at the first path that is there; texts have no case here."""

    path: tuple[str, ...]
    one_of: tuple[Constant | bool, ...] = ()
    none_of: tuple[Constant | bool, ...] = ()
    starts_with: tuple[str, ...] = ()
    present: bool | None = None


class SchemaSource(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """The schema of messages that are not JSON: a file, read by its suffix, or the registry's."""

    file: str | None = None
    message: str | None = None
    framed: bool = True


class Declaration(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Everything that is said of a producer's messages; without anything, the contract itself."""

    preset: str | None = None
    about: str = ""
    envelope: Literal["auto", "none"] = "auto"
    each: str | None = None
    updates: Change = "skip"
    snapshots: Change = "payment"
    """What a change capture's updates are, and the rows of its snapshots."""
    transaction_id: Field = Field()
    card_id: Field = Field()
    amount: AmountField = AmountField()
    currency: Field = Field()
    timestamp: TimestampField = TimestampField()
    merchant_id: Field = Field()
    mcc: Field = Field()
    country: Field = Field()
    latitude: Field = Field()
    longitude: Field = Field()
    channel: Field = Field()
    label: Field | None = None
    fraud_pattern: Field | None = None
    only: tuple[Rule, ...] = ()
    skip: tuple[Rule, ...] = ()
    decline: tuple[Rule, ...] = ()
    refund: tuple[Rule, ...] = ()
    schema: SchemaSource | None = None

    @property
    def hash(self) -> str:
        """The SHA-256 of the declaration's canonical JSON, without what only explains it."""
        content = msgspec.to_builtins(self)
        content.pop("about", None)
        content.pop("preset", None)
        canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(canonical).hexdigest()

    @property
    def is_default(self) -> bool:
        """Whether nothing is declared that the contract does not say itself."""
        return self.hash == Declaration().hash


_KINDS: Final[dict[str, type[msgspec.Struct]]] = {
    "amount": AmountField,
    "timestamp": TimestampField,
}


def parse_declaration(text: str, name: str) -> Declaration:
    """Return what a TOML text declares; a `ConfigurationError` holds a line for every fault."""
    return declaration_of(load_toml(text, name), name)


def declaration_of(content: Mapping[str, Any], name: str) -> Declaration:
    """Return the declaration in a decoded TOML file; presets are laid under it first."""
    merged = dict(content)
    preset = content.get("preset")
    if isinstance(preset, str):
        merged = _laid_over(preset_content(preset), content)
    checked = Checked()
    values: dict[str, Any] = {}
    infos = {info.encode_name: info for info in msgspec.structs.fields(Declaration)}
    checked.unknown_names("", merged, infos)
    for key, info in infos.items():
        if key not in merged:
            continue
        value = merged[key]
        kind = _field_kind(key)
        if kind is not None:
            values[key] = check_table(key, _as_table(value), kind, checked)
        elif key in ("only", "skip", "decline", "refund"):
            tables = value if isinstance(value, list) else [value]
            rules = [check_table(f"{key}[{i}]", t, Rule, checked) for i, t in enumerate(tables)]
            values[key] = tuple(rule for rule in rules if rule is not None)
        elif key == "schema":
            values[key] = check_table(key, value, SchemaSource, checked)
        else:
            values[key] = checked.converted(key, value, info.type)
    if checked.faults:
        faults = "\n".join(f"{name}: {fault}" for fault in checked.faults)
        raise ConfigurationError(without_numbers(faults))
    return Declaration(**{key: value for key, value in values.items() if value is not None})


def _field_kind(key: str) -> type[msgspec.Struct] | None:
    """Return the struct of a field's table, or None when ``key`` is no field."""
    is_field = key in Transaction.__struct_fields__ or key in ("label", "fraud_pattern")
    return _KINDS.get(key, Field) if is_field else None


def _as_table(value: Any) -> Any:
    """Return a field's table: a path or a list of paths is the short way to write one."""
    if isinstance(value, str):
        return {"path": [value]}
    if isinstance(value, list):
        return {"path": value}
    return value


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return the preset's content with the file's over it: fields by entry, all else whole."""
    merged = dict(below)
    for key, value in above.items():
        base = merged.get(key)
        if base is not None and _field_kind(key) is not None:
            base, value = _as_table(base), _as_table(value)
            if isinstance(base, dict) and isinstance(value, dict):
                origin = {"path", "constant", "position"}
                kept = {
                    k: v for k, v in base.items() if not (k in origin and origin & value.keys())
                }
                value = kept | value
        merged[key] = value
    return merged
