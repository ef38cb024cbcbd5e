"""An export for a person to read: the same as its JSON, in the order in which one asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from streamer.intake.naming import printable

__all__ = ["export_text"]


def export_text(document: Mapping[str, Any]) -> str:
    """Return the text of an export (`streamer.privacy.gathered.as_document`).

    What a payment says goes to a terminal here: it moves no cursor, and begins no line.
    """
    return "\n".join(map(printable, _lines(document))) + "\n"


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"What is stored of the card {document['card']}, as of {document['made_at']}"
    if document["known_as"]:
        yield f"Also known as {', '.join(document['known_as'])}"
    yield document["note"]
    yield from _heading("What the service remembers of it")
    for state in document["state"]:
        yield from _state(state)
    if not document["state"]:
        yield "Nothing."
    alerts = document["topics"].get("alerts", [])
    held_back = document["topics"].get("alerts held back", [])
    yield from _heading(f"Alerts ({len(alerts) + len(held_back)})")
    for record in (*alerts, *held_back):
        yield from _alert(record)
    yield from _heading("What people and chargebacks said")
    yield from _verdicts(document)
    yield from _heading("In the reviewers' console")
    yield from _console(document["console"])
    for purpose, records in document["topics"].items():
        if purpose not in ("alerts", "alerts held back", "verdicts"):
            yield from _heading(f"{purpose[:1].upper()}{purpose[1:]} ({len(records)})")
            for record in records:
                yield f"  {record['at']} {record['place']}: {_short(record)}"
    yield from _mentions(document.get("mentions", {}))
    yield from _heading("What was read, and up to where")
    for each in document["read"]:
        saved = f", saved at {each['saved_at']}" if each.get("saved_at") else ""
        yield f"  {each['store']}: {each['what']}: {each['up_to']}{saved}"
    yield from _heading("What was not read")
    yield from (f"  {line}" for line in document["not_read"])


def _mentions(mentions: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    if mentions:
        yield from _heading("Records that have its name, and may be of somebody else")
    for purpose, places in mentions.items():
        for each in places:
            yield f"  {purpose}: {each['at']} {each['place']}"


def _heading(text: str) -> Iterator[str]:
    yield ""
    yield text
    yield "-" * len(text)


def _state(state: Mapping[str, Any]) -> Iterator[str]:
    yield f"In {state['partition']}:"
    for card in state["card"]:
        yield f"  as of its payment at {card['last_payment_at']}, {card['currency'] or 'no currency'}:"
        yield from (f"    {line}" for line in card["words"])
    if state["verdicts_on_it"]:
        yield from (f"    {line}" for line in state["verdicts_on_it"]["words"])
    waiting = state["payments_waiting_for_a_verdict"]
    yield f"  {len(waiting)} payments wait for a verdict:"
    for each in waiting:
        alerted = ", alerted" if each["alerted"] else ""
        yield f"    {each['paid_at']} at {each['merchant_id'] or 'no merchant'}{alerted}"
    for each in state["standing_verdicts"]:
        yield (
            f"  on {each['transaction_id']} it is known that it is {each['verdict']}, by "
            f"{each['origin']}, {each['decided_at']}"
        )
    if state["waves"]:
        yield f"  it is in {state['waves']} waves of alerts"
    if state["alerted_by_the_reserve_within_a_day"]:
        yield "  it is among the cards that the reserve alerted within a day"


def _alert(record: Mapping[str, Any]) -> Iterator[str]:
    alert = record["content"]
    payment = alert["transaction"]
    yield (
        f"  {alert['event_time']} {payment['amount']} {payment['currency']} at "
        f"{payment.get('merchant_id') or 'no merchant'}: {alert['severity']}, score "
        f"{alert['score']:.4f} ({alert['alert_id']})"
    )
    yield from (f"    {reason['sentence']}" for reason in alert["reasons"])
    counterfactual = alert.get("counterfactual")
    if counterfactual:
        yield f"    {counterfactual.get('sentence', counterfactual)}"


def _verdicts(document: Mapping[str, Any]) -> Iterator[str]:
    n = 0
    for place, verdicts in document["verdicts"].items():
        for each in verdicts:
            n += 1
            yield (
                f"  {each['transaction_id']}: {each['verdict']}, by {each['origin']}, "
                f"{each['decided_at']} ({place})"
            )
    lessons = sum(map(len, document["lessons"].values()))
    if lessons:
        yield f"  {lessons} of them taught the model something"
    if not n:
        yield "  Nothing."


def _console(console: Mapping[str, Any]) -> Iterator[str]:
    logs: Sequence[Sequence[Any]] = list(console["logs"].values())
    yield (
        f"  {len(console['alerts'])} alerts kept, {console['open']} of them open; "
        f"{sum(map(len, logs))} entries of what was judged; {len(console['put_off'])} put off."
    )
    for key, value in console["of_its_alerts"].items():
        yield f"  {key.partition(':review:')[2]}: {value}"


def _short(record: Mapping[str, Any]) -> str:
    content = record.get("content", record.get("text"))
    if isinstance(content, dict) and "action" in content:
        actor = content.get("actor", {}).get("name", "")
        return f"{actor}: {content['action']} ({content.get('outcome', 'granted')})"
    if isinstance(content, dict) and "score" in content and "transaction_id" in content:
        return f"{content['transaction_id']} scored {content['score']}"
    headers = record.get("headers")
    reason = f"{headers['streamer-reason']}: " if headers else ""
    return reason + str(content)
