"""The metrics of several tenants as one scrape: each sample with whose it is.

A process with one service has no label ``tenant``, which to Prometheus is the same as an empty one:
what is summed by it there is summed as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from prometheus_client.core import Metric, Sample

__all__ = ["TENANT", "of_tenants"]

TENANT: Final = "tenant"
_OF_PROCESS: Final = "process_", "streamer_build_info", "streamer_spans"


def of_tenants(
    by_tenant: Mapping[str, Iterable[Metric]], whole: Iterable[Metric] = ()
) -> Iterator[Metric]:
    """Yield each family once, with the samples of ``whole`` as they are and those of tenants labelled.

    What a process has once is of ``whole`` alone, or without it of the first tenant.
    """
    families: dict[str, Metric] = {}
    has_process = False
    for tenant, own in {"": whole, **by_tenant}.items():
        found = list(own)
        for family in found:
            is_process = family.name.startswith(_OF_PROCESS)
            if is_process and has_process:
                continue
            into = families.setdefault(family.name, _empty(family))
            named = not (is_process or tenant == "")
            into.samples += (
                [_of(each, tenant) for each in family.samples] if named else family.samples
            )
        has_process = has_process or bool(found)
    yield from families.values()


def _empty(family: Metric) -> Metric:
    return Metric(family.name, family.documentation, family.type, family.unit)


def _of(sample: Sample, tenant: str) -> Sample:
    return sample._replace(labels={**sample.labels, TENANT: tenant})
