"""One topic with whatever producers send, and a worker on Apache Kafka that reads it by an intake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from streamer.intake import plain_transaction
from tests.intake.test_schemas import FRAME, avro
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.ports import stable_port
from tests.stream.harness import Record, Service, payments, wait_until
from tests.stream.registry import serving

DECLARED = """
card_id = "card.token"
amount = { path = "sum.minor", unit = "minor" }
currency = "sum.code"

[[decline]]
path = "status"
one_of = ["declined"]
"""
CLOUD = {"specversion": "1.0", "id": "ce-1", "source": "/pos", "type": "com.shop.payment"}
DEBEZIUM = {"before": None, "source": {"connector": "postgresql"}, "ts_ms": 1795845480000}
N_EACH = 60


@pytest.fixture
def services(apache_kafka: ApacheKafka, redis_url: str) -> Iterator[Any]:
    with ExitStack() as stack:

        def make(**options: Any) -> Service:
            made = Service(apache_kafka.bootstrap_servers, redis_url, **options)
            return stack.enter_context(made).create_topics()

        yield make


def plain(value: dict[str, Any]) -> Any:
    return value


def mapped(value: dict[str, Any]) -> Any:
    rest = {k: v for k, v in value.items() if k not in ("card_id", "amount", "currency")}
    money = {"minor": round(value["amount"] * 100), "code": value["currency"].lower()}
    return {**rest, "card": {"token": value["card_id"]}, "sum": money}


WAYS = {
    "plain": plain,
    "mapped": mapped,
    "connect": lambda value: {"schema": {"type": "struct", "fields": []}, "payload": value},
    "debezium": lambda value: {**DEBEZIUM, "op": "c", "after": mapped(value)},
    "cloudevents": lambda value: {**CLOUD, "data": value},
}


def as_avro(value: dict[str, Any]) -> bytes:
    """Frame a payment by the schema 7 of the registry."""
    transaction = plain_transaction(json.dumps(value).encode())
    assert transaction is not None
    names = ("transaction_id", "card_id", "currency", "timestamp")
    record = {name: getattr(transaction, name) for name in names}
    amount = Decimal(str(transaction.amount)).quantize(Decimal("0.01"))
    return FRAME + avro({**record, "amount": amount, "mcc": None})


def encoded(content: Any, frame: bytes = b"") -> Record:
    return None, frame + json.dumps(content).encode()


def test_every_envelope_mapped_plain_and_avro_on_one_topic_and_the_ledger_is_exact(
    services: Any, tmp_path: Path
) -> None:
    """Seven kinds of payments, 60 each, beside 8 refunds and the like and 3 dead letters.

    The registry is away at first: the partition with Avro waits, and nothing of it is refused, while
    the other goes on.  Then it answers, and everything is counted once.
    """
    file = tmp_path / "intake.toml"
    file.write_text(DECLARED, "utf-8")
    port = stable_port()
    registry = {"schema_registry_url": f"http://127.0.0.1:{port}"}
    # What a worker counts, it counts again where an alert waits for half a session and is given up.
    service = services(n_partitions=2, intake=str(file), kafka_session_timeout_s="60", **registry)
    values = iter([json.loads(value or b"") for _, value in payments(7 * N_EACH + 8)])
    sent = [encoded(way(next(values))) for way in WAYS.values() for _ in range(N_EACH)]
    sent += [encoded(next(values), b"\0\0\0\0\x01") for _ in range(N_EACH)]
    one = next(values)
    passed_over = {
        "refund": [{**one, "amount": -5}, mapped({**one, "amount": -1.5})],
        "declined": [{**mapped(one), "status": "declined"}] * 2,
        "deleted": [{**DEBEZIUM, "op": "d", "before": one, "after": None}],
        "tombstone": [None],
    }
    sent += [encoded(each) for some in passed_over.values() for each in some] + [(None, None)] * 2
    sent.append(encoded({**next(values), "country": "ZZ"}))
    sent += [
        encoded([one, next(values)]),
        (None, b"hello"),
        encoded({"TX_DATETIME": "x", "TX_AMOUNT": 1}),
    ]
    worker = service.worker().wait_ready()
    service.produce(sent, partition=0)
    service.produce([(None, as_avro(next(values))) for _ in range(N_EACH)], partition=1)
    wait_until(lambda: service.offsets()[0] == len(sent), worker.log)
    wait_until(lambda: "schema registry must answer" in worker.get("/readyz")[1], worker.log)
    assert worker.get("/readyz")[0] == 503
    assert service.offsets()[1] in (None, 0)
    with serving(port):
        total = service.wait_consumed()
        wait_until(lambda: worker.get("/readyz")[0] == 200, worker.log)
    assert (total.scored, total.skipped, total.dead_lettered) == (7 * N_EACH + 1, 8, 3)
    service.assert_exact()
    told = {headers["streamer-reason"]: headers for _, headers in service.dead_letters()}
    assert told.keys() == {"several_payments", "malformed_json", "missing_field"}
    assert told["several_payments"]["streamer-hint"].startswith("have the producer")
    assert "handbook" in told["missing_field"]["streamer-hint"]
    for reason, n in (("refund", 2), ("declined", 2), ("deleted", 1), ("tombstone", 3)):
        assert worker.metric("streamer_records_passed_over_total", reason=reason) == n, reason
    left_out = {"field": "country", "reason": "unknown_code"}
    assert worker.metric("streamer_fields_left_out_total", **left_out) == 1
    assert worker.terminate() == 0
