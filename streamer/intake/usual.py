"""What most messages of a mapped topic are, read by one generated function: a payment as it should be.

It returns None for every other message: a refund, a decline, a code or a time in another spelling, a
fault.  Then `mapping` decides, which is the definition; this is the same with its calls written out,
at less than half the cost.

Invariant: what is returned equals what `mapping` returns (a test holds them against each other).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from streamer.contract.messages import Transaction
from streamer.intake.amounts import MINOR_PER_MAJOR, MOST_MINOR
from streamer.intake.code_lists import COUNTRY_OF, CURRENCY_OF
from streamer.intake.declaration import Declaration, Rule
from streamer.intake.extraction import extraction_lines
from streamer.intake.fields import (
    NO_IDS,
    OPTIONAL_READERS,
    category_code,
    channel,
    identifier,
)
from streamer.intake.mapping import REQUIRED, amount_reader_of, time_reader_of
from streamer.intake.message_rules import condition_of
from streamer.intake.readings import Fault, Payment
from streamer.intake.slots import adjustment_of, field_slot, slot_of
from streamer.intake.times import EARLIEST_S, LATEST_S

__all__ = ["ReadUsual", "compile_usual"]

ReadUsual = Callable[[Any, str, int | None], Payment | None]
"""Takes a message, its position and its time of arrival."""

_NAMES: Final = (*REQUIRED, *OPTIONAL_READERS)
# What `identifier` returns as it is: a call costs as much as all of this.
_IS_ID: Final = (
    "type({v}) is str and 0 < len({v}) <= 128 and (len({v}) > 11 or {v} not in NO_IDS) "
    "and {v}[0] > ' ' and '+' not in {v} and {v}.isascii()"
)
_IS_CODE: Final = "type({v}) is str and len({v}) == 4 and {v}.isdecimal() and {v}.isascii()"
_IS_CHANNEL: Final = (
    "type({v}) is str and 0 < len({v}) <= 32 and {v}.isascii() and {v} not in NO_IDS"
)
_OPTIONAL: Final = {
    "mcc": (_IS_CODE, "category_code"),
    "channel": (_IS_CHANNEL, "channel"),
}


def compile_usual(declaration: Declaration) -> ReadUsual:
    """Return the function for the messages of a declaration."""
    fields = [getattr(declaration, name) for name in _NAMES]
    rules = [*declaration.refund, *declaration.only, *declaration.skip, *declaration.decline]
    slots = [field_slot(n, f, is_rows=False) for n, f in zip(_NAMES, fields, strict=True)]
    lines, known = extraction_lines([*slots, *(slot_of(r.path, is_rows=False) for r in rules)])
    known |= {
        "Transaction": Transaction,
        "Payment": Payment,
        "identifier": identifier,
        "category_code": category_code,
        "channel": channel,
        "degrees": [OPTIONAL_READERS["latitude"], OPTIONAL_READERS["longitude"]],
        "NO_IDS": NO_IDS,
        "CURRENCY_OF": CURRENCY_OF,
        "COUNTRY_OF": COUNTRY_OF,
        "read_amount": amount_reader_of(declaration, is_rows=False),
        "read_time": time_reader_of(declaration, is_rows=False),
        "from_timestamp": datetime.fromtimestamp,
        "UTC": UTC,
        "Unusual": (KeyError, TypeError, Fault),
    }
    lines += _rule_lines(declaration, known)
    lines += _adjustment_lines(declaration, known)
    lines += _field_lines(declaration, known)
    body = "\n".join(f"    {line}" for line in lines)
    source = (
        f"def usual(item, position, arrived_ms):\n    root = item\n    try:\n{body}\n"
        "    except Unusual:\n        return None\n"
    )
    exec(compile(source, "<usual>", "exec"), known)  # noqa: S102 - the text is ours
    usual: ReadUsual = known["usual"]
    return usual


def _rule_lines(declaration: Declaration, known: dict[str, Any]) -> Iterator[str]:
    index = len(_NAMES)
    for rule in declaration.refund:
        yield f"    if {_condition(rule, index, known)}: return None"
        index += 1
    if declaration.only:
        only = range(index, index + len(declaration.only))
        conditions = [_condition(r, i, known) for r, i in zip(declaration.only, only, strict=True)]
        yield f"    if not ({' or '.join(conditions)}): return None"
        index += len(declaration.only)
    for rule in (*declaration.skip, *declaration.decline):
        yield f"    if {_condition(rule, index, known)}: return None"
        index += 1


def _condition(rule: Rule, index: int, known: dict[str, Any]) -> str:
    """Return the expression of a rule: a set of words is looked at in place."""
    condition = condition_of(rule)
    if condition.words is not None:
        known[f"words{index}"] = condition.words
        return f"v{index} in words{index}"
    known[f"holds{index}"] = condition.holds
    return f"holds{index}(v{index})"


def _adjustment_lines(declaration: Declaration, known: dict[str, Any]) -> Iterator[str]:
    for index, name in enumerate(_NAMES):
        field = getattr(declaration, name)
        adjust = adjustment_of(field, is_rows=False)
        if adjust is None:
            continue
        known[f"adjust{index}"] = adjust
        known[f"values{index}"] = {value: adjust(value) for value in field.values}
        value = f"v{index}"
        adjusted = f"adjust{index}({value})"
        if field.values:
            yield f"    if {value} in values{index}: {value} = values{index}[{value}]"
            yield f"    else: {value} = {adjusted}"
        else:
            yield f"    {value} = {value} or {adjusted}"


def _field_lines(declaration: Declaration, known: dict[str, Any]) -> Iterator[str]:
    for index, field in enumerate((declaration.transaction_id, declaration.card_id)):
        if field.position:
            yield f"    v{index} = position"
        yield f"    if not ({_IS_ID.format(v=f'v{index}')}): v{index} = identifier(v{index})"
    yield "    v3 = CURRENCY_OF[v3]"
    yield from _amount_lines(declaration, known)
    per_second = {"s": 1, "ms": 1000}.get(declaration.timestamp.unit or "")
    time = "read_time(v4, arrived_ms)"
    if per_second and declaration.timestamp.origin is None and not declaration.timestamp.format:
        earliest, latest = EARLIEST_S * per_second, LATEST_S * per_second
        test = f"type(v4) is int and {earliest} <= v4 < {latest}"
        yield f"    v4 = from_timestamp(v4 / {per_second}, UTC) if {test} else {time}"
    else:
        yield f"    v4 = {time}"
    for index, name in enumerate(_NAMES):
        if name in _OPTIONAL:
            test, reader = _OPTIONAL[name]
            is_usual = test.format(v=f"v{index}")
            yield f"    if v{index} is not None and not ({is_usual}): v{index} = {reader}(v{index})"
    yield f"    if v5 is not None and not ({_IS_ID.format(v='v5')}): v5 = identifier(v5)"
    yield "    if v7 is not None: v7 = COUNTRY_OF[v7]"
    yield "    if v8 is not None: v8 = degrees[0](v8)"
    yield "    if v9 is not None: v9 = degrees[1](v9)"
    yield "    if v8 == 0.0 and v9 == 0.0: return None"
    values = ", ".join(f"v{index}" for index in range(len(_NAMES)))
    yield f"    return Payment(Transaction({values}))"


def _amount_lines(declaration: Declaration, known: dict[str, Any]) -> Iterator[str]:
    amount = declaration.amount
    if amount.unit == "minor":
        own = {code: 10**digits for code, digits in amount.decimals.items()}
        known["per_major"] = MINOR_PER_MAJOR | own
        test = f"type(v2) is int and 0 < v2 <= {MOST_MINOR}"
        yield f"    v2 = v2 / per_major[v3] if {test} else read_amount(v2, v3)"
    else:
        yield "    if type(v2) is not float or not 0 < v2 <= 1e12: v2 = read_amount(v2, v3)"
    if amount.negative == "payment":
        yield "    v2 = -v2"
    yield "    if v2 < 0: return None"
    # No minus zero.
    yield "    v2 = v2 or 0.0"
