"""Learning from labels: into a delta, like everything else that is learned.

The first labels only say on which scale the head's inputs lie; once a version knows that, labels teach
its coefficients.  A label that is overruled is taken back and learned anew with the other class:
exactly, as long as the same version scores, and nearly otherwise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamer.model.odds import basis, basis_size, irls_sums
from streamer.model.sums import Sums
from streamer.model.trial import DISTANCE, HEAD, rarity_bin
from streamer.model.version import ModelVersion

__all__ = ["learn_labels", "relearn_labels"]

Floats = NDArray[np.float64]


def learn_labels(
    delta: Sums,
    version: ModelVersion,
    inputs: Floats,
    ranks: Floats,
    frauds: Floats,
    weights: Floats,
) -> None:
    """Add n labelled payments to ``delta`` (IN/OUT).

    ``inputs`` IN (n, n_inputs) as they were when the payment was scored, NaN where unknown; ``ranks``
    (n, 2) that distance and head gave it then, NaN where there was no head; ``frauds`` (n,) 1 or 0;
    ``weights`` (n,) how many payments each stands for.
    """
    _make_room(delta, version)
    known = ~np.isnan(inputs)
    values = np.where(known, inputs, 0.0)
    delta.input_weights += weights @ known
    delta.input_sums += weights @ values
    delta.input_sums_sq += weights @ values**2
    if version.head is not None:
        B = basis(version.head.standardised(inputs))
        gram, moment = irls_sums(B, version.head.coefficients, frauds, weights)
        delta.head_gram += gram
        delta.head_moment += moment
    classes = frauds.astype(np.int64)
    np.add.at(delta.label_weights, classes, weights)
    _try(delta, ranks, classes, weights)
    delta.labels_learned += len(frauds)


def relearn_labels(
    delta: Sums,
    version: ModelVersion,
    inputs: Floats,
    ranks: Floats,
    frauds: Floats,
    weights: Floats,
) -> None:
    """Move payments that were learned with the other label to ``frauds``; as `learn_labels`."""
    _make_room(delta, version)
    if version.head is not None:
        B, beta = basis(version.head.standardised(inputs)), version.head.coefficients
        for label, sign in ((frauds, 1.0), (1.0 - frauds, -1.0)):
            gram, moment = irls_sums(B, beta, label, weights)
            delta.head_gram += sign * gram
            delta.head_moment += sign * moment
    classes = frauds.astype(np.int64)
    for of_class, sign in ((classes, 1.0), (1 - classes, -1.0)):
        np.add.at(delta.label_weights, of_class, sign * weights)
        _try(delta, ranks, of_class, sign * weights)


def _try(delta: Sums, ranks: Floats, classes: NDArray[np.int64], weights: Floats) -> None:
    """Count how both detectors ranked payments that both have ranked."""
    both = ~np.isnan(ranks).any(axis=1)
    for detector in (DISTANCE, HEAD):
        bins = rarity_bin(ranks[both, detector])
        np.add.at(delta.trial[detector], (classes[both], bins), weights[both])


def _make_room(delta: Sums, version: ModelVersion) -> None:
    if delta.input_weights.size:
        return
    n_inputs = version.config.n_inputs
    size = basis_size(n_inputs)
    delta.head_gram, delta.head_moment = np.zeros((size, size)), np.zeros(size)
    for name in ("input_weights", "input_sums", "input_sums_sq"):
        setattr(delta, name, np.zeros(n_inputs))
