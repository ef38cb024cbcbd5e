"""Protobuf on Apache Kafka, by a registry that comes and goes and by a descriptor in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tests.intake.test_schemas import SALES, money_file, proto, sale, sale_file
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.ports import stable_port
from tests.stream.harness import Record, Service, wait_until
from tests.stream.registry import serving

N = 60
# The id in the registry, and the place of the message in its file.
SALE = b"\0\0\0\0\x0a\x04\x02\0"
PAYMENT = b"\0\0\0\0\x08\x02\x02"
EITHER = SALES.replace('"sum.minor"', '["sum.minor", "amount"]').replace(
    '"sum.currency"', '["sum.currency", "currency"]'
)
# Of the schema whose times are counts.
EITHER += '[timestamp]\nunit = "ms"\n'


def _sales(first: int, n: int, frame: bytes = SALE, **changes: Any) -> list[Record]:
    return [
        (None, frame + sale(transaction_id=f"s-{i}", card_id=f"c-{i % 7}", **changes))
        for i in range(first, first + n)
    ]


def test_protobuf_by_a_registry_is_exact_while_that_is_away_and_back(
    apache_kafka: ApacheKafka, redis_url: str, tmp_path: Path
) -> None:
    """180 sales with imports, 60 amounts of 0 among them, 5 declined, 7 that are none.

    The registry goes once 120 sales are known; another schema's sale then waits for it, on its
    partition alone.
    """
    file = tmp_path / "intake.toml"
    file.write_text(EITHER, "utf-8")
    port = stable_port()
    settings = {"intake": str(file), "schema_registry_url": f"http://127.0.0.1:{port}"}
    bootstrap = apache_kafka.bootstrap_servers
    with Service(bootstrap, redis_url, n_partitions=2, **settings) as service:
        worker = service.create_topics().worker().wait_ready()
        bad = [
            (None, b"\0\0\0\0\x63\x00" + sale()),
            # A third message, a first one within it that is not there, one from the end, no end.
            *(
                (None, SALE[:5] + path + sale())
                for path in (b"\x02\x04", b"\x04\x02\x02", b"\x02\x01")
            ),
            (None, SALE[:5] + b"\xff" * 20),
            (None, SALE + sale()[:-4]),
            (None, SALE + b"\xff\xff\xff"),
        ]
        with serving(port):
            service.produce(_sales(0, N), partition=0)
            service.produce(_sales(N, N, minor=0) + bad, partition=0)
            service.produce(_sales(2 * N, 5, approved=False), partition=0)
            service.wait_consumed()
        one = PAYMENT + proto(transaction_id="p-1")
        service.produce([(None, one)], partition=1)
        service.produce(_sales(3 * N, N), partition=0)
        wait_until(lambda: "schema registry must answer" in worker.get("/readyz")[1], worker.log)
        wait_until(lambda: service.offsets()[0] == service.n_sent[0], worker.log)
        assert service.offsets()[1] in (None, 0)
        with serving(port):
            total = service.wait_consumed()
            wait_until(lambda: worker.get("/readyz")[0] == 200, worker.log)
        assert (total.scored, total.skipped, total.dead_lettered) == (3 * N + 1, 5, len(bad))
        service.assert_exact()
        reasons = sorted(headers["streamer-reason"] for _, headers in service.dead_letters())
        assert reasons == ["schema_mismatch"] * 6 + ["unknown_schema"]
        assert worker.terminate() == 0


def test_protobuf_by_a_descriptor_in_a_file_needs_no_registry(
    apache_kafka: ApacheKafka, redis_url: str, tmp_path: Path
) -> None:
    """Bare messages, as most producers without a registry send them, and broken ones between."""
    main = sale_file()
    main.dependency.remove("confluent/meta.proto")
    descriptors = FileDescriptorSet(file=[money_file(), main])
    (tmp_path / "sale.desc").write_bytes(descriptors.SerializeToString())
    schema = (
        f'[schema]\nfile = "{tmp_path}/sale.desc"\nmessage = "shop.Event.Sale"\nframed = false\n'
    )
    file = tmp_path / "intake.toml"
    file.write_text(SALES + schema, "utf-8")
    bootstrap = apache_kafka.bootstrap_servers
    with Service(bootstrap, redis_url, n_partitions=2, intake=str(file)) as service:
        worker = service.create_topics().worker().wait_ready()
        service.produce(_sales(0, N, frame=b""))
        service.produce([(None, sale()[:-3]), (None, b"\xff\xff"), (None, b"hello")])
        service.produce(_sales(N, N, frame=b"", approved=False))
        service.produce(_sales(2 * N, N, frame=b""))
        total = service.wait_consumed()
        assert (total.scored, total.skipped, total.dead_lettered) == (2 * N, N, 3)
        service.assert_exact()
        assert worker.terminate() == 0
