"""Which traces are recorded: by the standard's samplers, or streamer's own where none is named.

Batches come by the hundred in a second and are all alike, so that a share of them is enough.  Claims of
partitions come at a rebalance; who looks for one is not helped by a share of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

__all__ = ["RARE", "sampler_of"]

RARE: Final = "claim "
"""What the name of a span begins with that streamer's own sampler always records."""

_STANDARD: Final[dict[str, Callable[[float], Sampler]]] = {
    "always_on": lambda _: sampling.ALWAYS_ON,
    "always_off": lambda _: sampling.ALWAYS_OFF,
    "traceidratio": sampling.TraceIdRatioBased,
    "parentbased_always_on": lambda _: sampling.DEFAULT_ON,
    "parentbased_always_off": lambda _: sampling.DEFAULT_OFF,
    "parentbased_traceidratio": sampling.ParentBasedTraceIdRatio,
}


def sampler_of(name: str, share: float) -> Sampler:
    """Return the standard's sampler of a name, or streamer's own for an empty one."""
    if name:
        return _STANDARD[name](share)
    return sampling.ParentBased(_ShareAndRare(share))


class _ShareAndRare(Sampler):
    """A share of the traces, and all of what is rare."""

    def __init__(self, share: float) -> None:
        self._share = sampling.TraceIdRatioBased(share)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        chosen: Sampler = sampling.ALWAYS_ON if name.startswith(RARE) else self._share
        return chosen.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return f"ShareAndRare{{{self._share.get_description()}}}"
