"""Fills the transactions topic with simulated payments: ``python -m load.generator --out VERDICTS``.

A process of its own, so that making payments takes nothing from what is measured.  The verdicts on
about 1% of them go to a file, to be sent when their payments have been scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import msgspec

from load.verdicts import verdicts
from streamer.contract.messages import Feedback
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.stream.kafka.feeder import Feeder
from streamer.stream.kafka.kafka_config import librdkafka_config

__all__ = ["Due", "main", "read_verdicts"]

_CHUNK: Final = 5_000
# Half a percent of the payments are frauds, all of which are judged; as many others are.
_EVERY: Final = 200


class Due(msgspec.Struct, frozen=True):
    """A verdict, and the place of its payment among all that were sent."""

    number: int
    verdict: Feedback


@click.command()
@click.option("--payments", "n_total", type=click.IntRange(1), required=True)
@click.option("--cards", type=click.IntRange(1), required=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def main(n_total: int, cards: int, seed: int, out: Path) -> None:
    """Publish payments to the topic of the STREAMER_* settings, and write their verdicts to a file."""
    settings = load_settings()
    feeder = Feeder(librdkafka_config(settings), settings.transactions_topic)
    simulator = Simulator(SimulatorConfig(seed=seed, n_customers=cards))
    due: list[Due] = []
    while feeder.n_sent < n_total:
        first = feeder.n_sent
        payments = simulator.generate(min(_CHUNK, n_total - first))
        feeder.send(payments.records())
        due += [Due(first + i, verdict) for i, verdict in verdicts(payments, _EVERY)]
    feeder.finish()
    out.write_bytes(b"\n".join(map(msgspec.json.encode, due)))


def read_verdicts(path: Path) -> Iterator[Due]:
    """Yield what `main` has written to ``path``, in the order of the payments."""
    decoder = msgspec.json.Decoder(Due)
    yield from map(decoder.decode, path.read_bytes().splitlines())


if __name__ == "__main__":
    main()
