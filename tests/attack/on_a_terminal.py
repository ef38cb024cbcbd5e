"""Attempts on who reads with a command what others wrote: escapes that move a cursor, hide lines."""

from __future__ import annotations

import json
import uuid

import msgspec
from confluent_kafka import Producer

from streamer.audit.audit_entry import BEGINNING, Actor, AuditEntry, Subject, sealed
from streamer.settings import Settings
from streamer.stream.kafka.kafka_config import librdkafka_config
from tests.attack.attempts import attempt
from tests.attack.site import Site
from tests.cli.test_commands import audited_by, run
from tests.console.conftest import alert
from tests.rig.waiting import DEADLINE_S, wait_until

__all__: list[str] = []

# Clears the screen, sets a title, goes up a line, ends a line, and says what was not so.
_ESCAPES = "x\x1b[2J\x1b]0;t\x07\x1b[1A\r\nwhole\x9b2K"
_CONTROLS = "\x1b\x07\x9b\r"


def _own(site: Site) -> tuple[dict[str, str], Producer]:
    """Return settings of topics that nobody else has, and who writes to them."""
    unique = uuid.uuid4().hex[:10]
    names = ("alerts", "overflow", "dead_letters", "feedback", "proposals", "audit", "scores")
    own = {f"{name}_topic": f"{name}-{unique}" for name in names}
    own |= {"feedback_dead_letters_topic": f"fdlq-{unique}", "topic_partitions": "1"}
    own |= audited_by(site.kafka) | {"redis_url": site.redis_url, "namespace": f"t-{unique}"}
    settings = Settings(kafka_bootstrap_servers=site.kafka.bootstrap_servers)
    return own, Producer(librdkafka_config(settings))


def _is_plain(told: str) -> bool:
    return not any(each in told for each in _CONTROLS)


@attempt("settings")
def escapes_in_an_export(site: Site) -> str:
    """A merchant, a reason and a dead letter of a card have escapes of a terminal, and `privacy export`
    shows them"""
    own, producer = _own(site)
    made = alert(1, card_id="card-1", merchant_id=_ESCAPES)
    producer.produce(own["alerts_topic"], msgspec.json.encode(made), partition=0)
    letter = json.dumps({"card_id": "card-1", "amount": _ESCAPES}, ensure_ascii=False)
    headers = [("streamer-reason", _ESCAPES.encode()), ("streamer-source-topic", b"t")]
    producer.produce(own["dead_letters_topic"], letter.encode(), partition=0, headers=headers)
    assert producer.flush(DEADLINE_S) == 0
    told = run("privacy", "export", "card-1", **own)
    assert told.exit_code == 0, told.stderr
    assert "whole" in told.stdout
    assert _is_plain(told.stdout)
    assert not [line for line in told.stdout.splitlines() if line.startswith("whole")]
    return "dots in their place, and no line of theirs"


@attempt("settings")
def escapes_in_a_forged_entry(site: Site) -> str:
    """Who writes to the audit topic names a writer so that `audit verify` wipes out what it found"""
    own, producer = _own(site)
    forged = AuditEntry(
        writer=_ESCAPES,
        sequence=7,
        previous=BEGINNING,
        at="2026-11-30T00:00:00Z",
        actor=Actor(_ESCAPES, "reviewer"),
        action="verdict",
        subject=Subject("alert", _ESCAPES),
    )
    topic = own["audit_topic"]
    producer.produce(topic, sealed(forged).value, key=_ESCAPES.encode(), partition=0)
    producer.produce(topic, b'{"writer": "\\u001b[2J", "sequence": 1}', partition=0)
    assert producer.flush(DEADLINE_S) == 0
    told = run("audit", "verify", **own)
    assert told.exit_code == 1, told.output
    assert _is_plain(told.stdout + told.stderr)
    n = len(told.stdout.splitlines())
    return f"findings on {n} lines, with dots in their place"


@attempt("worker", is_dear=True)
def escapes_in_a_dead_letter(site: Site) -> str:
    """`dlq list` and `dlq show` of what a producer sent with escapes of a terminal in every field"""
    service = site.service
    before = len(service.dead_letters())
    odd = {"transaction_id": _ESCAPES, "card_id": _ESCAPES, "amount": _ESCAPES, _ESCAPES: 1}
    service.produce([(_ESCAPES.encode(), json.dumps(odd, ensure_ascii=False).encode())])
    wait_until(lambda: len(service.dead_letters()) > before, site.worker.log)
    env = {name.removeprefix("STREAMER_").lower(): text for name, text in service.env.items()}
    listed = run("dlq", "list", **env)
    assert listed.exit_code == 0, listed.stderr
    shown = []
    for message, _ in service.dead_letters()[before:]:
        for raw in ((), ("--raw",)):
            told = run("dlq", "show", f"{message.partition()}/{message.offset()}", *raw, **env)
            assert told.exit_code == 0, told.stderr
            shown.append(told.stdout)
    assert shown
    assert all(map(_is_plain, [listed.stdout, *shown]))
    return "dots in their place, masked and --raw"
