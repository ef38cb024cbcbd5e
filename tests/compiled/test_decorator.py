"""A compiled loop gives the bits of its Python."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
from numba import config

from streamer.arrays import Floats
from streamer.compiled import compiled, loaded, tell_compilations

# With NUMBA_DISABLE_JIT=1 there is nothing that these could tell.
of_compilation = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="every kernel is its Python")


@compiled
def running_total(values: Floats, weights: Floats) -> float:
    """Σ wᵢxᵢ, in the order of the text."""
    total = 0.0
    for i in range(len(values)):
        total += weights[i] * values[i]
    return total


@compiled
def ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator


def test_a_sum_is_added_in_its_order_and_every_product_is_rounded() -> None:
    """Neither reassociated nor fused, at any length; 1,000 rows would fill every vector register."""
    rng = np.random.default_rng(1)
    for n in (1, 2, 3, 7, 1_000):
        values, weights = rng.normal(size=n) * 1e8, rng.normal(size=n)
        assert running_total(values, weights) == running_total.py_func(values, weights)
    # (1 + 2^-30)² is 1 + 2^-29 + 2^-60, which rounds to 1 + 2^-29; a fused product keeps the 2^-60.
    x = 1 + 2.0**-30
    assert running_total(np.array([1.0, x]), np.array([-1 - 2.0**-29, x])) == 0.0


@compiled
def elementary(x: float) -> tuple[float, ...]:
    share = x / (1.0 + abs(x))
    return (
        math.exp(x),
        math.exp2(x),
        math.expm1(x),
        math.log(abs(x)),
        math.log1p(abs(x)),
        math.sqrt(abs(x)),
        math.sin(x),
        math.cos(x),
        math.asin(share),
        math.atan2(x, 0.3),
        float(math.floor(x)),
    )


def test_the_functions_of_math_give_the_bits_of_their_python() -> None:
    """Those that the decorator names, which call the same library in both; numpy's do not."""
    for x in (np.random.default_rng(1).normal(size=2_000) * 5).tolist():
        assert elementary(x) == elementary.py_func(x)


@of_compilation
def test_a_division_by_zero_gives_infinity_and_no_error() -> None:
    assert ratio(1.0, 0.0) == math.inf
    assert math.isnan(ratio(0.0, 0.0))


def test_other_threads_run_while_a_kernel_does() -> None:
    """The kernel waits for a value that only another thread can set."""
    flag = np.zeros(1)
    wait_for(np.ones(1), 1)
    kernel = threading.Thread(target=wait_for, args=(flag, 2**62))
    kernel.start()
    flag[0] = 1.0
    kernel.join(280)
    assert not kernel.is_alive()


@compiled
def wait_for(flag: Floats, at_most: int) -> int:
    n = 0
    while flag[0] == 0.0 and n < at_most:
        n += 1
    return n


@of_compilation
def test_compilations_are_counted_and_told_with_their_types() -> None:
    told: list[tuple[str, str]] = []
    tell_compilations(lambda kernel, types: told.append((kernel, types)))
    before = loaded().compiled
    ratio(np.float32(1.0), np.float32(2.0))
    ratio(np.float32(3.0), np.float32(2.0))
    assert loaded().compiled == before + 1
    ((kernel, types),) = told
    assert kernel.endswith("test_decorator.ratio")
    assert types == "float32, float32"


@pytest.mark.parametrize("name", ["running_total", "ratio"])
def test_the_function_keeps_its_name_and_its_words(name: str) -> None:
    kernel = globals()[name]
    assert kernel.__name__ == kernel.py_func.__name__ == name
    assert kernel.__doc__ == kernel.py_func.__doc__
