"""What is made of counted instructions; the counting itself is a step of `.ci/run`."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from load.instructions import by_stage, is_comparable, too_many
from load.instructions_counted import N_PAYMENTS, STAGES, WHOLE

FILE = Path(__file__).parent.parent.parent / "load" / "instructions.json"


def test_a_stage_is_what_its_process_has_beyond_the_one_before() -> None:
    counted = {"": 7_000_000, "columns": 9_000_000, "features": 9_400_000, "score": 9_402_000}
    counted |= {"learn": 9_403_000, "remember": 9_403_000, WHOLE: 10_000_000}
    assert N_PAYMENTS == 2_000
    assert by_stage(counted) == {
        "columns": 1_000,
        "features": 200,
        "score": 1,
        "learn": 0,  # 1,000 instructions, half of one for each payment, and Python rounds to even
        "remember": 0,
        WHOLE: 1_500,
    }


def test_a_tenth_more_is_allowed_and_no_more() -> None:
    allowed = {"score": 1_000, "learn": 1_000, "columns": 1_000}
    assert len(too_many({"score": 1_101, "learn": 1_100, "columns": 10}, allowed)) == 1


def test_counts_of_another_minor_version_of_python_are_not_compared() -> None:
    assert is_comparable(platform.python_version())
    assert not is_comparable("3.9.2")


def test_the_file_has_a_count_for_each_stage_and_says_where_it_comes_from() -> None:
    told = json.loads(FILE.read_text("utf-8"))
    assert list(told["per_payment"]) == [*STAGES, WHOLE]
    assert min(told["per_payment"].values()) > 100
    assert {"commit", "python", "numpy"} <= told["about"].keys()
