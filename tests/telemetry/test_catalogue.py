"""The catalogue keeps to Prometheus' conventions, and its page is as generated."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from streamer.console.service.console_metrics import ConsoleMetrics
from streamer.contract.answer_message import Answer
from streamer.contract.ledger import LossCause
from streamer.contract.messages import Mode
from streamer.features import Tables
from streamer.pages import metrics_page
from streamer.serving.serve_metrics import ServeMetrics
from streamer.store import BREAKER_STATES
from streamer.store.client import CALL_OUTCOMES
from streamer.telemetry import Metrics
from streamer.telemetry.catalogue import LABELS, SECTIONS, WORKER_SECTIONS
from streamer.telemetry.family import Family
from streamer.telemetry.metrics import catalogue

ROOT = Path(__file__).parents[2]
FAMILIES = list(catalogue())
NAMES = [family.name for family in FAMILIES]
ENDINGS = {"seconds": "_seconds", "bytes": "_bytes", "ratio": "_ratio"}


@pytest.mark.parametrize("family", FAMILIES, ids=NAMES)
def test_a_family_is_named_by_its_type_and_unit_and_says_what_it_means(family: Family[Any]) -> None:
    assert re.fullmatch(r"(streamer|process)_[a-z]+(_[a-z]+)*", family.name)
    assert family.name.endswith("_total") == (family.kind == "counter")
    base = family.name.removesuffix("_total")
    for unit, ending in ENDINGS.items():
        assert base.endswith(ending) == (family.unit == unit)
    assert family.unit
    assert family.meaning.endswith(".")
    assert bool(family.buckets) == (family.kind == "histogram")
    assert list(family.buckets) == sorted(set(family.buckets))


def test_no_name_is_given_twice_and_every_section_is_part_of_the_metrics() -> None:
    assert len(NAMES) == len(set(NAMES))
    exposed = {*Metrics.__mro__, *ServeMetrics.__mro__, *ConsoleMetrics.__mro__}
    assert set(SECTIONS) == exposed - {Metrics, ServeMetrics, ConsoleMetrics, object}
    assert set(WORKER_SECTIONS) == set(Metrics.__mro__) - {Metrics, object}


def test_every_label_is_explained_and_none_that_is_not_used() -> None:
    assert set(LABELS) == {label for family in FAMILIES for label in family.labels}


def test_labels_with_listed_values_have_those_that_the_code_has() -> None:
    """The catalogue knows neither the store nor the features, so this holds the lists together."""
    starts = {family.attribute: family.starts for family in FAMILIES}
    assert starts["redis_breaker_state"] == [(state,) for state in BREAKER_STATES]
    assert starts["serve_redis_breaker_state"] == starts["redis_breaker_state"]
    decisions = get_args(get_type_hints(Answer)["decision"])
    assert starts["serve_answers"] == [
        *product(("head", "canary", "named"), get_args(Mode), decisions)
    ]
    assert starts["redis_calls"] == [(outcome,) for outcome in CALL_OUTCOMES]
    kinds = [(table.kind.name,) for table in Tables.empty(1, 1).all()]
    for name in ("entities_tracked", "entities_bytes", "entities_evicted"):
        assert starts[name] == kinds
    assert all(f"`{cause}`" in LABELS["cause"] for cause in get_args(LossCause))


def test_the_page_is_as_generated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert metrics_page.main(["--page", str(ROOT / "ops" / "METRICS.md"), "--check"]) == 0
    page = tmp_path / "ops" / "METRICS.md"
    assert metrics_page.main(["--page", str(page), "--check"]) == 1
    assert "metrics_page" in capsys.readouterr().err
    assert metrics_page.main(["--page", str(page)]) == 0
    assert page.read_text("utf-8").count("\n| `streamer_") == sum("streamer" in n for n in NAMES)


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted(ROOT.glob("ops/**/*.md")), *sorted(ROOT.glob("docs/*.md"))]
)
def test_every_metric_that_a_page_names_exists(path: Path) -> None:
    known = {*NAMES, *(f"{f.name}_{part}" for f in FAMILIES for part in ("bucket", "sum", "count"))}
    named = set(re.findall(r"\bstreamer_[a-z_]+", path.read_text("utf-8")))
    assert named - known == set()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_object_to() -> None:
    """Prometheus' own linter of names, units and help texts."""
    metrics = Metrics("1", ["malformed_json"], ["amount"], ["refund"], ["transactions"])
    metrics.keep_partitions({0}, now_s=0.0)
    checked = subprocess.run(
        ["promtool", "check", "metrics"],  # noqa: S607 - wherever the system has it
        input=metrics.exposition()[0],
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert (checked.returncode, checked.stderr.decode()) == (0, "")
