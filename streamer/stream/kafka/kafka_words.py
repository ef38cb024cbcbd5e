"""What a person reads of an error of the Kafka client: its sentence, without type and numbers."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

__all__ = ["in_words"]


def in_words(error: BaseException | KafkaError) -> str:
    """Return an error's own sentence; any other error as it prints itself.

    >>> in_words(KafkaException(KafkaError(KafkaError._TRANSPORT, "broker is away")))
    'broker is away'
    >>> in_words(BufferError("Local: Queue full"))
    'Local: Queue full'
    """
    told = error.args[0] if isinstance(error, KafkaException) and error.args else error
    return str(told.str()) if isinstance(told, KafkaError) else str(told)
