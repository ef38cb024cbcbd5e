"""Which messages of a sample are no payments: declines and money back, by their words and codes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from streamer.intake.guess.doubts import doubt_about
from streamer.intake.guess.failures import failure_rule
from streamer.intake.guess.outcome_codes import code_rules
from streamer.intake.guess.outcomes import has_decline, is_approval, is_back, is_sale
from streamer.intake.guess.words import words_of
from streamer.intake.leaves import Leaves, path_text
from streamer.intake.paths import Steps

__all__ = ["UNTOLD", "Guess", "rule_lines"]

_STATUS_NAMES: Final = frozenset(
    "status state result outcome decision response approved success authorized authorised "
    "response code action auth".split()
)
_KIND_NAMES: Final = frozenset(
    "type kind event evt operation action code indicator direction debit credit sign flag "
    "art sens sentido category natur nature causale buchungstext verwendungszweck".split()
)
# What happens to a payment in these is not the payment's own outcome.
_OTHER_MATTERS: Final = frozenset(
    "fraud risk dispute avs cvv cvc shipping delivery email kyc refund settlement device review "
    "verification secure threeds payout balance".split()
)
_TRUE: Final = frozenset(("true", "1", "yes", "y", "t"))
_FALSE: Final = frozenset(("false", "0", "no", "n", "f"))
_BACK_NAMES: Final = frozenset("refund reversal reversed chargeback void voided return".split())
_DECLINED_NAMES: Final = frozenset("declined rejected denied refused failed".split())
_APPROVED_NAMES: Final = frozenset(
    "approved success successful succeeded authorized authorised accepted paid".split()
)
_RESULTS: Final = frozenset(
    "auth authorization authorisation result response outcome status".split()
)
# A state in these, or one of two letters, is a part of a country.
_PLACES: Final = frozenset(
    "merchant address billing shipping city country location customer cardholder user store home "
    "terminal "
    "zip geo region".split()
)
# Approved is A, S or Y; what they mean beside each other is not said by any standard.
_YES: Final = frozenset("ASY")
_LETTERS: Final = tuple(map(set, ("AD", "AR", "AF", "AN", "ADR", "ADE", "SF", "YN", "ADP", "ADV")))
_CREDIT: Final = frozenset(
    "credit crdt cr credito abono gutschrift haben avere c h in inbound incoming".split()
)
_DEBIT: Final = frozenset(
    "debit dbit dr db debito cargo soll belastung lastschrift dare d s sale purchase pos out "
    "outbound outgoing payment".split()
)
# A card, or what it draws on, is a debit or a credit card; that is no direction of the money.
_FUNDING: Final = frozenset("card funding method product account brand scheme bin tender".split())
# The sides of an account; in two letters they are nothing else, whatever their field is called.
_PAIRS: Final = ({"S", "H"}, {"D", "C"}, {"DR", "CR"}, {"DBIT", "CRDT"})
_MOST_RULES: Final = 3
_ANSWERS: Final = frozenset("response result outcome decision reason".split())
_UNDECIDED: Final = frozenset("pending processing review in_review open created new".split())
_ALL_CREDIT: Final = (
    "all of the sample is credit in a field of kinds, which is taken for the kind of the cards; if it "
    "means money back, a [[refund]] rule would say it"
)
UNTOLD: Final = "which of them tell of no payment cannot be said by a rule"
"""In a note on values that no rule can name: then nothing may be claimed of the sample."""
_NUMBERED: Final = "the values of {} hold numbers, and " + UNTOLD
_DIGITS: Final = re.compile(r"\d+")
_BESIDE_DIGITS: Final = " \t:;,#*(/-_.="
_MANY_DIGITS: Final = 8
_LONGEST_TEXT: Final = 40


class Guess(NamedTuple):
    """A rule: its kind, its entries as TOML, and what is not sure about it."""

    kind: str
    entries: dict[str, list[str]]
    note: str = ""


def rule_lines(leaves: Leaves) -> list[str]:
    """Return the rules as TOML lines, with comments on what is not sure."""
    found: list[tuple[Steps, Guess]] = []
    for steps, values in leaves.items():
        distinct = _distinct(values)
        failure = failure_rule(steps, leaves)
        if failure is not None:
            found.append((steps, Guess("decline", *failure)))
        elif distinct and len(distinct) <= 12:
            found += [(steps, guess) for guess in _guesses(steps, distinct, values)]
        elif not distinct:
            found += [(steps, guess) for guess in _of_numbered(steps, values)]
    found = [(steps, _believable(steps, guess, leaves)) for steps, guess in found]
    if any(guess.kind == "decline" and not guess.note for _, guess in found):
        found = [entry for entry in found if entry[1].kind != "decline" or not entry[1].note]
    lines: list[str] = []
    n_of: dict[str, int] = {}
    for steps, (kind, entries, note) in found:
        n_of[kind] = n_of.get(kind, 0) + 1
        if n_of[kind] > (1 if note else _MOST_RULES):
            continue
        lines += ["", *([f"# Unsure: {note}."] if note else [])]
        if entries:
            lines += [f"[[{kind}]]", f'path = "{_escaped(path_text(steps))}"']
        for name, listed in entries.items():
            quoted = ", ".join(f'"{_escaped(value)}"' for value in listed)
            lines.append(f"{name} = [{quoted}]")
    return lines


def _believable(steps: Steps, guess: Guess, leaves: Leaves) -> Guess:
    """Return a guess without its rule where the sample speaks against it."""
    if guess.kind != "decline" or not guess.entries or guess.note:
        return guess
    doubt = doubt_about(steps, guess.entries, leaves)
    return Guess("decline", {}, doubt) if doubt else guess


def _guesses(steps: Steps, distinct: Sequence[str], values: Sequence[Any]) -> Iterator[Guess]:
    words = set(words_of(steps[-1]))
    above = {word for step in steps[:-1] for word in words_of(step)}
    if (words | above) & _OTHER_MATTERS and not words & _BACK_NAMES:
        return
    if "state" in words and ((words | above) & _PLACES or all(map(_is_region, distinct))):
        return
    if {value.strip().lower() for value in distinct} <= _TRUE | _FALSE:
        flags = list(_flags(words, distinct))
        yield from flags
        if flags or not all(map(str.isdigit, distinct)):
            return
    name = words_of(steps[-1])
    if name == ("code",) and len(steps) > 1:
        name = (*words_of(steps[-2]), *name)
    codes = list(code_rules(name, distinct, values))
    for kind, entries, note in codes:
        yield Guess(kind, entries, note)
    if codes:
        return
    sides = {value.strip().upper() for value in distinct}
    if sides in _PAIRS and not (words | above) & _FUNDING:
        yield Guess("refund", {"one_of": [v for v in distinct if v.strip().lower() in _CREDIT]})
        return
    is_status = bool(_STATUS_NAMES & words) or _has_both(distinct)
    if is_status or _KIND_NAMES & words or _has_purchases_and_back(distinct):
        yield from _outcomes(words, above, distinct, is_status=is_status)


def _of_numbered(steps: Steps, values: Sequence[Any]) -> Iterator[Guess]:
    """Yield the rules for texts that hold a number, by what stands before it, or ask for them."""
    words = set(words_of(steps[-1]))
    above = {word for step in steps[:-1] for word in words_of(step)}
    texts = {value for value in values if isinstance(value, str) and value}
    if (words | above) & _OTHER_MATTERS and not words & _BACK_NAMES:
        return
    heads = {_DIGITS.split(text, 1)[0].strip(_BESIDE_DIGITS) for text in texts}
    rests = {_DIGITS.sub("", text).strip(_BESIDE_DIGITS) for text in texts}
    is_status = bool(_STATUS_NAMES & words) or _has_both(sorted(heads))
    if not (is_status or _KIND_NAMES & words) or len(heads) > 12:
        return
    name = " ".join(words_of(steps[-1]))
    by_head = list(_outcomes(words, above, sorted(heads), is_status=is_status))
    by_rest = list(_outcomes(words, above, sorted(rests)[:200], is_status=is_status))
    for kind in ("refund", "decline"):
        told = [guess for guess in by_head if guess.kind == kind and guess.entries]
        if not any(guess.kind == kind and guess.entries for guess in by_rest):
            continue
        chosen = tuple(told[0].entries.get("one_of", ())) if told else ()
        others = heads.difference(chosen)
        is_clear = "" not in heads and not any(other.startswith(chosen) for other in others)
        if chosen and is_clear:
            yield Guess(kind, {"starts_with": list(chosen)}, told[0].note)
        else:
            yield Guess(kind, {}, _NUMBERED.format(name))


def _outcomes(
    words: set[str], above: set[str], distinct: Sequence[str], *, is_status: bool
) -> Iterator[Guess]:
    yield from _backs(words | above, distinct)
    yield from _declines(words, distinct, is_status=is_status)


def _flags(words: set[str], distinct: Sequence[str]) -> Iterator[Guess]:
    if words & _BACK_NAMES and not words & {"amount", "count"}:
        yield Guess("refund", {"one_of": ["true", "1", "Y", "yes"]})
    elif words & _DECLINED_NAMES:
        yield Guess("decline", {"one_of": ["true", "1", "Y", "yes"]})
    elif words & _APPROVED_NAMES or (
        # An answer in numbers may have its 0 for a yes.
        words & _RESULTS and not any(map(str.isdigit, distinct)) and len(distinct) > 1
    ):
        yield Guess("decline", {"one_of": ["false", "0", "N", "no"]})


def _backs(words: set[str], distinct: Sequence[str]) -> Iterator[Guess]:
    """Yield the rule for money back: by its words, or by the side of the account."""
    lower = {value: value.strip().lower() for value in distinct}
    if words & _FUNDING:
        return
    backs = [value for value in distinct if is_back(value)]
    credits = [value for value, low in lower.items() if low in _CREDIT]
    has_debits = any(low in _DEBIT or low.startswith("debit") for low in lower.values())
    is_word = any(len(lower[value]) > 2 for value in credits)
    if len(credits) == len(distinct):
        if is_word:
            yield Guess("refund", {}, _ALL_CREDIT)
    elif has_debits or is_word or words & {"debit", "credit", "indicator", "sign", "direction"}:
        backs += credits
    if backs:
        yield Guess("refund", {"one_of": backs})


def _declines(words: set[str], distinct: Sequence[str], *, is_status: bool) -> Iterator[Guess]:
    declines = [value for value in distinct if has_decline(value, is_status=is_status)]
    approvals = [value for value in distinct if is_approval(value)]
    name = " ".join(sorted(words))
    if is_status and words & _ANSWERS and approvals and len(approvals) < len(distinct):
        # An answer that is not yes, whatever it says, is no.
        others = [value for value in distinct if _is_undecided(value) or is_back(value)]
        yield Guess("decline", {"none_of": ["", *approvals, *others]})
    elif declines:
        yield Guess("decline", {"one_of": declines})
    elif is_status and len(approvals) == len(distinct):
        note = "no decline is in the sample"
        yield Guess("decline", {"one_of": ["declined", "failed", "rejected"]}, note)
    elif is_status and {value.strip().upper() for value in distinct} in _LETTERS:
        nays = [value for value in distinct if value.strip().upper() not in _YES]
        note = f"of the letters in {name}, {_listed(nays)} is taken for declined"
        yield Guess("decline", {"one_of": nays}, note)
    elif words & {"status", "state", "result"} and not approvals and not _is_known(distinct):
        note = f"what the values of {name} mean is not known; a [[decline]] may be due"
        yield Guess("decline", {}, note)


def _has_both(distinct: Sequence[str]) -> bool:
    """Whether approvals and declines stand side by side, whatever their field is called."""
    return any(map(is_approval, distinct)) and any(has_decline(v) for v in distinct)


def _has_purchases_and_back(distinct: Sequence[str]) -> bool:
    return any(map(is_back, distinct)) and any(is_sale(v) for v in distinct if not is_back(v))


def _is_known(values: Iterable[str]) -> bool:
    return any(_is_undecided(value) or is_back(value) for value in values)


def _is_undecided(value: str) -> bool:
    return value.strip().lower().replace(" ", "_") in _UNDECIDED


def _is_region(value: str) -> bool:
    return len(value) == 2 and value.isalpha() and value.isupper()


def _listed(values: Sequence[str]) -> str:
    return " and ".join(values)


def _distinct(values: Sequence[Any]) -> list[str]:
    """Return the different values as texts; none where a number that could be a card's is in one."""
    found: dict[str, None] = {}
    for value in values:
        if isinstance(value, bool):
            found["true" if value else "false"] = None
        elif isinstance(value, int):
            found[str(value)] = None
        elif isinstance(value, str) and value:
            found[value] = None
    if any(sum(map(str.isdigit, text)) > _MANY_DIGITS for text in found):
        return []
    return [text for text in found if len(text) <= _LONGEST_TEXT]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
