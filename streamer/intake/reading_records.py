"""One record to what it is: a payment, why it is passed over, or a dead letter."""

from __future__ import annotations

from streamer.contract.batch import Batch
from streamer.errors import UnavailableError
from streamer.intake import Intake, Payment, Refused, Skipped
from streamer.intake.readings import PassedOver
from streamer.intake.refused_records import DeadLetter

__all__ = ["reading_of"]


def reading_of(
    batch: Batch, place: int, arrived_ms: int, intake: Intake
) -> Payment | PassedOver | DeadLetter:
    """Return what one record is by ``intake``: a payment, why it is passed over, or a dead letter.

    An offset is one place in the ledger and one alert: a message with more than one payment has none.
    """
    record = batch.records[place]
    position = f"{batch.partition}-{record.offset}"
    try:
        readings = intake.read(record.value, position=position, arrived_ms=arrived_ms)
    except (UnavailableError, MemoryError):
        raise
    except Exception as error:
        # A defect here, which would end every worker that comes to this offset, one after the other.
        detail = f"value must be readable, got {type(error).__name__} in the intake"
        hint = "a defect of streamer: report it, and replay the message after an update"
        return DeadLetter(record, "unreadable", "$", detail, hint)
    payments = [reading for reading in readings if isinstance(reading, Payment)]
    refused = [reading for reading in readings if isinstance(reading, Refused)]
    if len(payments) + len(refused) > 1 and payments:
        detail = f"value must hold one payment, got {len(payments) + len(refused)}"
        hint = "have the producer, or a step before the topic, send each as a message of its own"
        return DeadLetter(record, "several_payments", "$", detail, hint)
    if refused:
        fault = refused[0]
        return DeadLetter(record, fault.reason, fault.path, fault.detail, fault.hint)
    if payments:
        return payments[0]
    first = readings[0]
    return first.reason if isinstance(first, Skipped) else "refund"
