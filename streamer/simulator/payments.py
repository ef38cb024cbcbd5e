"""Finished payments as columns, and their three forms: Kafka records, file rows, arrays.

The label never reaches a record: what a detector reads is the `streamer.contract.messages.Transaction`
contract and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from streamer.arrays import Flags, Floats, Integers
from streamer.simulator.working_rows import CHANNELS, ECOMMERCE, OPTIONAL_FIELDS, Rows
from streamer.simulator.world import World
from streamer.simulator.world_tables import CATEGORIES

__all__ = ["Payments", "Registry"]

_FIELDS: Final = (
    "transaction_id",
    "card_id",
    "amount",
    "currency",
    "timestamp",
    "merchant_id",
    "mcc",
    "country",
    "latitude",
    "longitude",
    "channel",
)


@dataclass(frozen=True)
class Payments:
    """Payments in event-time order, one list or array per field.

    ``amounts`` are in units of ``currencies``; ``timestamps_ms`` are UTC epoch milliseconds;
    ``utc_offsets_min`` is the local clock where the customer pays.  An absent string is None, an
    absent coordinate is NaN.  ``patterns`` names the fraud pattern, None for a genuine payment.
    """

    transaction_ids: list[str]
    card_ids: list[str]
    merchant_ids: list[str | None]
    amounts: Floats
    currencies: list[str]
    timestamps_ms: Integers
    utc_offsets_min: Integers
    mccs: list[str | None]
    countries: list[str | None]
    latitudes: Floats
    longitudes: Floats
    channels: list[str | None]
    patterns: list[str | None]

    def __len__(self) -> int:
        return len(self.transaction_ids)

    def records(self) -> list[tuple[bytes, bytes]]:
        """Return (card id, JSON transaction) per payment: the key and value of a Kafka record.

        Absent fields are left out.  Timestamps are RFC 3339 with the customer's local offset.
        """
        dumps = orjson.dumps
        return [
            (card_id.encode(), dumps(document))
            for card_id, document in zip(self.card_ids, self._documents(), strict=True)
        ]

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict per payment for files: all fields, None if absent, and the label.

        ``label`` is 1 for fraud and 0 otherwise; ``fraud_pattern`` is the pattern's name or None.
        """
        return [
            {
                **dict.fromkeys(_FIELDS),
                **document,
                "label": int(pattern is not None),
                "fraud_pattern": pattern,
            }
            for document, pattern in zip(self._documents(), self.patterns, strict=True)
        ]

    def timestamps(self) -> list[str]:
        """Return event times as RFC 3339 with the local offset, to the millisecond."""
        local = (self.timestamps_ms + self.utc_offsets_min * 60_000).astype("datetime64[ms]")
        clocks: list[str] = np.datetime_as_string(local, unit="ms").tolist()
        offsets = self.utc_offsets_min.tolist()
        suffix = {minutes: _offset_text(minutes) for minutes in set(offsets)}
        return [clock + suffix[minutes] for clock, minutes in zip(clocks, offsets, strict=True)]

    def _documents(self) -> Iterator[dict[str, Any]]:
        """Yield each payment as the contract's fields, without the absent ones."""
        columns = zip(
            self.transaction_ids,
            self.card_ids,
            self.amounts.tolist(),
            self.currencies,
            self.timestamps(),
            self.merchant_ids,
            self.mccs,
            self.countries,
            self.latitudes.tolist(),
            self.longitudes.tolist(),
            self.channels,
            strict=True,
        )
        for tx, card, amount, currency, time, merchant, mcc, country, lat, lon, channel in columns:
            document = {
                "transaction_id": tx,
                "card_id": card,
                "amount": amount,
                "currency": currency,
                "timestamp": time,
            }
            if merchant is not None:
                document["merchant_id"] = merchant
            if mcc is not None:
                document["mcc"] = mcc
            if country is not None:
                document["country"] = country
            if lat == lat:  # NaN, an absent coordinate, is the one number unequal to itself.
                document["latitude"] = lat
                document["longitude"] = lon
            if channel is not None:
                document["channel"] = channel
            yield document


def _offset_text(minutes: int) -> str:
    """Return an offset as RFC 3339 writes it.

    >>> _offset_text(330), _offset_text(-300), _offset_text(0)
    ('+05:30', '-05:00', '+00:00')
    """
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"


class Registry:
    """The names of one world: turns rows of numbers into `Payments`."""

    def __init__(self, seed: int, world: World, patterns: tuple[str, ...]) -> None:
        merchants = world.merchants
        self._prefix = f"tx-{seed}-"
        self._world = world
        self._cards = _strings(f"card-{i:06d}" for i in range(len(world.customers.city)))
        self._merchants = _strings(f"merchant-{i:05d}" for i in range(len(merchants.city)))
        self._mccs = _strings(CATEGORIES[i].mcc for i in merchants.category.tolist())
        self._countries = _strings(world.cities[i].country for i in merchants.city.tolist())
        self._channels = _strings(CHANNELS)
        self._patterns = _strings((None, *patterns))

    def payments(self, rows: Rows, first_number: int) -> Payments:
        """Return rows as payments; their ids count on from ``first_number``."""
        merchant = rows["merchant"]
        gone = {
            name: (rows["missing"] >> bit & 1).astype(bool)
            for bit, name in enumerate(OPTIONAL_FIELDS)
        }
        nowhere = gone["location"] | (rows["channel"] == ECOMMERCE)
        merchants = self._world.merchants
        numbers = range(first_number, first_number + len(rows))
        return Payments(
            transaction_ids=[f"{self._prefix}{number:09d}" for number in numbers],
            card_ids=self._cards[rows["customer"]].tolist(),
            merchant_ids=_without(self._merchants[merchant], gone["merchant_id"]),
            amounts=rows["amount"].copy(),
            currencies=self._world.currencies[rows["money"]].tolist(),
            timestamps_ms=rows["time_ms"].copy(),
            utc_offsets_min=rows["utc_offset_min"].copy(),
            mccs=_without(self._mccs[merchant], gone["mcc"]),
            countries=_without(self._countries[merchant], gone["country"]),
            latitudes=np.where(nowhere, np.nan, merchants.latitude[merchant]),
            longitudes=np.where(nowhere, np.nan, merchants.longitude[merchant]),
            channels=_without(self._channels[rows["channel"]], gone["channel"]),
            patterns=self._patterns[rows["pattern"]].tolist(),
        )


def _strings(values: Any) -> NDArray[np.object_]:
    return np.array(list(values), dtype=object)


def _without(values: NDArray[np.object_], gone: Flags) -> list[str | None]:
    values[gone] = None
    kept: list[str | None] = values.tolist()
    return kept
