"""Recent payments of the transactions topic as a file, in the order of time.

Each partition is written to a file of its own in the order of its records; the files are then merged by
the payments' times.  In memory is a line of each partition, on the disk everything twice.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from streamer.contract.card_rule import CardRule
from streamer.intake import Intake, Payment, Refused
from streamer.intake.by_name import load_declaration
from streamer.intake.judged_cards import judged
from streamer.settings import Settings

__all__ = ["Copied", "copy_recent"]

_encoder: Final = msgspec.json.Encoder()


@dataclass(slots=True)
class Copied:
    """What was read: payments, and messages that are none by the intake."""

    n_payments: int = 0
    n_refused: int = 0


def copy_recent(
    settings: Settings, folder: Path, out: Path, since_ms: int, until_ms: int, most: int
) -> Copied:
    """Write the payments that came between two times to ``out``, JSON Lines of the contract; blocks.

    They are read as the worker reads them.  At most ``most`` records, the newest of each partition;
    what is needed on the way lies in ``folder``.
    """
    from streamer.starting.card_keys_in_use import card_rule_of
    from streamer.stream.kafka.known_schemas import intake_that_asks
    from streamer.stream.kafka.recent_records import partitions_of

    topic = settings.transactions_topic
    intake = intake_that_asks(load_declaration(settings.intake), settings)
    partitions = partitions_of(settings, topic)
    of_each = -(-most // max(len(partitions), 1))
    cards = card_rule_of(settings)
    copied = Copied()
    parts: list[tuple[Path, int]] = []
    for partition in partitions:
        path, n_before = folder / f"{partition}.tsv", copied.n_payments
        with path.open("wb") as file:
            range_ = since_ms, until_ms, of_each
            lines = _lines(settings, intake, cards, partition, range_, copied)
            file.writelines(lines)
        # Not every broker tells the end of a log right, so there may be more than were asked for.
        n_too_many = max(copied.n_payments - n_before - of_each, 0)
        copied.n_payments -= n_too_many
        parts.append((path, n_too_many))
    with ExitStack() as stack, out.open("wb") as file:
        opened = [islice(stack.enter_context(path.open("rb")), n, None) for path, n in parts]
        for line in heapq.merge(*opened, key=lambda line: int(line.partition(b"\t")[0])):
            file.write(line.partition(b"\t")[2])
    return copied


def _lines(
    settings: Settings,
    intake: Intake,
    cards: CardRule,
    partition: int,
    range_: tuple[int, int, int],
    copied: Copied,
) -> Iterator[bytes]:
    """Yield the payments of a partition behind their times, and count them in ``copied``, IN/OUT."""
    from streamer.stream.kafka.recent_records import records_since

    for message in records_since(settings, settings.transactions_topic, partition, *range_):
        position = f"{partition}-{message.offset()}"
        arrived_ms = message.timestamp()[1]
        for reading in intake.read(message.value(), position=position, arrived_ms=arrived_ms):
            # No card's number is written to a disk.
            reading = judged(reading, cards, intake.card_path)
            if isinstance(reading, Payment):
                copied.n_payments += 1
                at_ms = round(reading.transaction.timestamp.timestamp() * 1000)
                yield b"%d\t%s\n" % (at_ms, _encoder.encode(reading.transaction))
            elif isinstance(reading, Refused):
                copied.n_refused += 1
