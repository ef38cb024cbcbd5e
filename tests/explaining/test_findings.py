"""What is said of a payment: the order of its parts, and the center that it is nearest to."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np

from streamer.explaining.centers import center_of, describe_center
from streamer.explaining.findings import _ROW
from streamer.explaining.parts import insert
from tests.explaining.helpers import EURO
from tests.pipeline.helpers import trained


def test_parts_stand_in_descending_order_and_equal_ones_in_that_of_their_columns() -> None:
    """1, 2, 1, 2 and 1.5 of the columns 3, 5, 7, 9 and 11."""
    found, n = np.zeros(1, _ROW)[0], 0
    for column, added in ((3, 1.0), (5, 2.0), (7, 1.0), (9, 2.0), (11, 1.5)):
        n = insert(found, n, column, added)
    assert found.parts[:n].tolist() == [5, 9, 11, 3, 7]
    assert found.contributions[:n].tolist() == [2.0, 2.0, 1.5, 1.0, 1.0]


def test_a_center_is_described_once_for_each_version_and_currency() -> None:
    version, mean = trained(), float(trained().currency_means[EURO])
    first = center_of(version, 0, mean)
    assert first == describe_center(version, 0, mean)
    assert center_of(version, 0, mean) is first
    assert center_of(version, 0, mean + 1) == describe_center(version, 0, mean + 1) != first
    assert center_of(version, 1, mean) == describe_center(version, 1, mean) != first
    # Another version of the same id, as there is none in a worker but in tests and benchmarks.
    moved = replace(version, centers=version.centers + 1)
    assert center_of(moved, 0, mean) == describe_center(moved, 0, mean) != first


def test_what_was_described_goes_with_its_version() -> None:
    version = replace(trained())
    described = weakref.ref(version)
    center_of(version, 0, 3.0)
    del version
    gc.collect()
    assert described() is None
