"""What a share of recent traffic exceeds, by the distributions of a version."""

from __future__ import annotations

import numpy as np

from streamer.arrays import Floats
from streamer.model.histogram import (
    log2_at,
    log_losses_at,
    loss_position,
    places_below,
    share_below,
)
from streamer.model.odds import log_odds_at

__all__ = ["distances_at", "due_ratios", "losses_at", "odds_at"]


def distances_at(below: Floats, shares: Floats) -> Floats:
    """Return the squared distances that ``shares`` (n,) of the distribution ``below`` exceed."""
    return np.asarray(2.0 ** log2_at(places_below(below, 1.0 - shares)))


def odds_at(below: Floats, shares: Floats) -> Floats:
    """Return the log-odds that ``shares`` (n,) of the distribution ``below`` exceed."""
    return log_odds_at(places_below(below, 1.0 - shares))


def losses_at(below: Floats, shares: Floats, least: float) -> Floats:
    """Return the ln of the losses that ``shares`` (n,) of ``below`` exceed, ``least`` at least."""
    return np.maximum(log_losses_at(places_below(below, 1.0 - shares)), least)


def due_ratios(losses_below: Floats, least: float, asked: Floats, main: float) -> Floats:
    """Return what is due of each share that is ``asked`` (n,) for, if losses below ``least`` are worth
    no review, (n,).

    The part ``main`` of it gives no more than is worth one; the room that is left is nobody's.
    """
    worth = 1.0 - share_below(losses_below, loss_position(least))
    return np.asarray(1.0 - main + np.minimum(main, worth / asked))
