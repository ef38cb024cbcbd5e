"""Learning from labels: into a delta, like everything else that is learned.

The first labels only say on which scale the head's inputs lie; once a version knows that, labels teach
its coefficients.  A label that is overruled is taken back and learned anew with the other class:
exactly, as long as the same version scores, and nearly otherwise.
"""

from __future__ import annotations

import math
from typing import NamedTuple

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
    _teach(delta, version, _Labels(inputs, ranks, frauds, weights), is_revision=False)
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
    _teach(delta, version, _Labels(inputs, ranks, frauds, weights), is_revision=True)


class _Labels(NamedTuple):
    """What was judged of n payments, as `learn_labels` has it."""

    inputs: Floats
    ranks: Floats
    frauds: Floats
    weights: Floats


class _Lessons(NamedTuple):
    """The arrays of a delta that labels are added to."""

    input_weights: Floats
    input_sums: Floats
    input_sums_sq: Floats
    head_gram: Floats
    head_moment: Floats
    label_weights: Floats
    trial: Floats


def _teach(delta: Sums, version: ModelVersion, labels: _Labels, *, is_revision: bool) -> None:
    _make_room(delta, version)
    head = NO_HEAD if version.head is None else version.head
    rows = _Labels(*(np.ascontiguousarray(column) for column in labels))
    _add_labels(delta.named(_Lessons), rows, is_revision, head)


@compiled
def _add_labels(lessons: _Lessons, labels: _Labels, is_revision: bool, head: LogOdds) -> None:
    """Add labels to ``lessons`` (IN/OUT) in order; a revision takes the other label back."""
    for i in range(len(labels.frauds)):
        is_fraud, weight = labels.frauds[i], labels.weights[i]
        _add_label(lessons, labels.inputs[i], labels.ranks[i], is_fraud, weight, head)
        if is_revision:
            _add_label(lessons, labels.inputs[i], labels.ranks[i], 1.0 - is_fraud, -weight, head)
        else:
            _add_scale(lessons, labels.inputs[i], weight)


@compiled
def _add_scale(lessons: _Lessons, inputs: Floats, weight: float) -> None:
    """Add to the weight, Σx and Σx² of each input that is known."""
    for j in range(len(inputs)):
        if not math.isnan(inputs[j]):
            lessons.input_weights[j] += weight
            lessons.input_sums[j] += weight * inputs[j]
            lessons.input_sums_sq[j] += weight * inputs[j] * inputs[j]


@compiled
def _add_label(
    lessons: _Lessons, inputs: Floats, ranks: Floats, is_fraud: float, weight: float, head: LogOdds
) -> None:
    """Add one label (IN/OUT); a negative ``weight`` takes it back."""
    if len(head.coefficients) > 0:
        basis = np.empty(len(lessons.head_moment))
        fill_basis(basis, inputs, head)
        sums = lessons.head_gram, lessons.head_moment
        add_irls(*sums, basis, head.coefficients, is_fraud, weight)
    label = int(is_fraud)
    lessons.label_weights[label] += weight
    # Only a payment that both have ranked compares them.
    if not (math.isnan(ranks[DISTANCE]) or math.isnan(ranks[HEAD])):
        for detector in (DISTANCE, HEAD):
            lessons.trial[detector, label, rarity_bin(ranks[detector])] += weight


def _make_room(delta: Sums, version: ModelVersion) -> None:
    if delta.input_weights.size:
        return
    n_inputs = version.config.n_inputs
    size = basis_size(n_inputs)
    delta.head_gram, delta.head_moment = np.zeros((size, size)), np.zeros(size)
    for name in ("input_weights", "input_sums", "input_sums_sq"):
        setattr(delta, name, np.zeros(n_inputs))
