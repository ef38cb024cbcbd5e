"""The metrics of several tenants as one scrape: each sample with whose it is.

A process with one service has no label ``tenant``, which to Prometheus is the same as an empty one:
what is summed by it there is summed as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from prometheus_client.core import Metric, Sample

__all__ = ["TENANT", "of_one_tenant", "of_tenants"]

TENANT: Final = "tenant"
_BUILD: Final = "streamer_build_info"
_OF_PROCESS: Final = "process_", _BUILD, "streamer_spans"


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


def of_one_tenant(families: Iterable[Metric]) -> Iterator[Metric]:
    """Yield what one of several tenants is told: its own, and no size or load of the whole process."""
    for family in families:
        if family.name == _BUILD or not family.name.startswith(_OF_PROCESS):
            yield family


def _empty(family: Metric) -> Metric:
    return Metric(family.name, family.documentation, family.type, family.unit)


def _of(sample: Sample, tenant: str) -> Sample:
    return sample._replace(labels={**sample.labels, TENANT: tenant})
