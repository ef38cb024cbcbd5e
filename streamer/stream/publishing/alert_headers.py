"""The headers of an alert: what a recovery and a reader need that is no part of the alert itself."""

from __future__ import annotations

from typing import Final

__all__ = ["FETCHED_HEADER", "PLACE_HEADER", "SOURCE_TIMESTAMP_HEADER", "alert_headers"]

SOURCE_TIMESTAMP_HEADER: Final = "streamer-source-timestamp"
"""Kafka's timestamp of the alert's transaction, in milliseconds since the epoch."""

PLACE_HEADER: Final = "streamer-place"
"""The alert's place among the scored payments of its partition, for the fuse."""


FETCHED_HEADER: Final = "streamer-fetched"
"""When the batch of the alert's transaction was fetched, in milliseconds since the epoch."""


def alert_headers(
    sent_ms: int, place: int, fetched_ms: int | None = None
) -> list[tuple[str, bytes]]:
    """Return the headers of an alert on a payment that came to Kafka at ``sent_ms``.

    ``fetched_ms`` is when it came here, None where nobody knows.
    """
    headers = [
        (SOURCE_TIMESTAMP_HEADER, str(sent_ms).encode()),
        (PLACE_HEADER, str(place).encode()),
    ]
    return headers if fetched_ms is None else [*headers, (FETCHED_HEADER, str(fetched_ms).encode())]
