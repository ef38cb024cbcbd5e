"""Learning from labels: into a delta, like everything else that is learned.

The first labels only say on which scale the head's inputs lie; once a version knows that, labels teach
its coefficients.  A label that is overruled is taken back and learned anew with the other class:
exactly, as long as the same version scores, and nearly otherwise.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamer.compiled import compiled
from streamer.model.odds import NO_HEAD, LogOdds, add_irls, basis_size, fill_basis
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
    scale = delta.input_weights, delta.input_sums, delta.input_sums_sq
    _add_inputs(*scale, np.ascontiguousarray(inputs), weights)
    _teach(delta, version, inputs, ranks, frauds, weights, is_revision=False)
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
    _teach(delta, version, inputs, ranks, frauds, weights, is_revision=True)


def _teach(
    delta: Sums,
    version: ModelVersion,
    inputs: Floats,
    ranks: Floats,
    frauds: Floats,
    weights: Floats,
    *,
    is_revision: bool,
) -> None:
    _add_labels(
        delta.head_gram,
        delta.head_moment,
        delta.label_weights,
        delta.trial,
        np.ascontiguousarray(inputs),
        np.ascontiguousarray(ranks),
        frauds,
        weights,
        is_revision,
        NO_HEAD if version.head is None else version.head,
    )


@compiled
def _add_inputs(
    known: Floats, sums: Floats, sums_sq: Floats, inputs: Floats, weights: Floats
) -> None:
    """Add to the weights, Σx and Σx² of the inputs, (n_inputs,), IN/OUT."""
    for i in range(len(inputs)):
        for j in range(len(known)):
            value = inputs[i, j]
            if not math.isnan(value):
                known[j] += weights[i]
                sums[j] += weights[i] * value
                sums_sq[j] += weights[i] * value * value


@compiled
def _add_labels(
    gram: Floats,
    moment: Floats,
    label_weights: Floats,
    trial: Floats,
    inputs: Floats,
    ranks: Floats,
    frauds: Floats,
    weights: Floats,
    is_revision: bool,
    head: LogOdds,
) -> None:
    """Add labelled payments to the first four (IN/OUT); a revision takes the other label back."""
    for i in range(len(frauds)):
        sums = gram, moment, label_weights, trial
        _add_label(*sums, inputs[i], ranks[i], frauds[i], weights[i], head)
        if is_revision:
            _add_label(*sums, inputs[i], ranks[i], 1.0 - frauds[i], -weights[i], head)


@compiled
def _add_label(
    gram: Floats,
    moment: Floats,
    label_weights: Floats,
    trial: Floats,
    inputs: Floats,
    ranks: Floats,
    is_fraud: float,
    weight: float,
    head: LogOdds,
) -> None:
    """Add one label to the first four (IN/OUT); a negative ``weight`` takes it back."""
    if len(head.coefficients) > 0:
        basis = np.empty(len(moment))
        fill_basis(basis, inputs, head)
        add_irls(gram, moment, basis, head.coefficients, is_fraud, weight)
    label = int(is_fraud)
    label_weights[label] += weight
    # Only a payment that both have ranked compares them.
    if not (math.isnan(ranks[DISTANCE]) or math.isnan(ranks[HEAD])):
        for detector in (DISTANCE, HEAD):
            trial[detector, label, rarity_bin(ranks[detector])] += weight


def _make_room(delta: Sums, version: ModelVersion) -> None:
    if delta.input_weights.size:
        return
    n_inputs = version.config.n_inputs
    size = basis_size(n_inputs)
    delta.head_gram, delta.head_moment = np.zeros((size, size)), np.zeros(size)
    for name in ("input_weights", "input_sums", "input_sums_sq"):
        setattr(delta, name, np.zeros(n_inputs))
