"""Spans by OpenTelemetry, for what does I/O; the SDK is loaded when tracing is on.

Reading order: `spans` (what a span is here), `current` (the one that code runs in), `w3c` (contexts in
headers), `sampling`, `exporting` (what waits, what is lost), `opening` (puts them together).
"""

from streamer.telemetry.tracing.current import child, current, shared, within
from streamer.telemetry.tracing.spans import Span, Spans

__all__ = ["Span", "Spans", "child", "current", "shared", "within"]
