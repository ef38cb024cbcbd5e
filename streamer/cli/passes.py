"""What commands that run the pipeline over a file share: the pass that the settings ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamer.errors import ConfigurationError
from streamer.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamer.evaluation import LabelPlan, PassConfig
    from streamer.fitting import Request as FitRequest
    from streamer.model import Sums
    from streamer.model.codec import VersionHeader

__all__ = ["fit_request", "pass_config", "sums_in", "version_in"]


def pass_config(settings: Settings, labels: LabelPlan, start: Sums | None = None) -> PassConfig:
    """Return what a worker with ``settings`` would do, from the model ``start`` on."""
    from streamer.evaluation import PassConfig
    from streamer.starting.wiring import pipeline_config

    return PassConfig(
        pipeline=pipeline_config(settings),
        cards_capacity=settings.cards_capacity,
        merchants_capacity=settings.merchants_capacity,
        checkpoint_max_transactions=settings.checkpoint_max_transactions,
        labels=labels,
        start=start,
    )


def fit_request(settings: Settings, ks: Sequence[int] | None, shards: int = 1) -> FitRequest:
    """Return what `streamer fit` would do for each number of clusters in ``ks``."""
    from streamer.fitting import Request
    from streamer.starting.wiring import pipeline_config

    return Request(
        pipeline=pipeline_config(settings),
        cards_capacity=settings.cards_capacity,
        merchants_capacity=settings.merchants_capacity,
        checkpoint_max_transactions=settings.checkpoint_max_transactions,
        batch_size=settings.batch_max_records,
        ks=ks,
        shards=shards,
    )


def sums_in(path: Path, settings: Settings) -> Sums:
    """Return the state of the version in a file; it must fit ``settings``."""
    return version_in(path, settings)[0]


def version_in(path: Path, settings: Settings) -> tuple[Sums, VersionHeader]:
    """Return the version in a file and where it comes from; it must fit ``settings``."""
    from streamer.model.codec import decode_version
    from streamer.starting.wiring import model_config

    try:
        return decode_version(path.read_bytes(), model_config(settings))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path} must fit the settings: {error}") from error
