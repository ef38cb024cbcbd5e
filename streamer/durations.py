"""How long a minute, an hour and a day are, in seconds and in milliseconds."""

from __future__ import annotations

from typing import Final

__all__ = ["DAY_MS", "DAY_S", "HOUR_MS", "HOUR_S", "MINUTE_MS"]

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
HOUR_S: Final = 3_600.0
DAY_S: Final = 86_400.0
