"""What `/model` and `streamer model show` say of a version."""

from __future__ import annotations

from streamer.model import Scorer, Sums
from streamer.model.codec import VersionHeader
from streamer.reports.version_report import describe_version
from tests.builders import pipeline_config
from tests.pipeline.helpers import trained


def test_a_version_that_learns_tells_its_busiest_center_first() -> None:
    """Shares of all traffic add up to 1; where it comes from stands beside it."""
    version = trained()
    header = VersionHeader("aa", "2026-01-05T12:00:00Z", "merge", version.config.hash, {"t/0": 7})
    described = describe_version(version, header)
    assert (described["version"], described["status"]) == (version.id, "learning")
    assert (described["parent"], described["offsets"]) == ("aa", {"t/0": 7})
    shares = [center["share_of_traffic"] for center in described["centers"]]
    assert shares == sorted(shares, reverse=True)
    assert abs(sum(shares) - 1.0) < 1e-9
    assert described["threshold_distance"] == version.threshold_sq**0.5


def test_a_version_that_is_warming_has_the_same_keys_and_no_centers() -> None:
    """Who reads one object can read the other; what there is not is null."""
    config = pipeline_config().model
    described = describe_version(Scorer.of("", Sums.zero(config), config), None)
    assert described.keys() == describe_version(trained(), None).keys()
    assert (described["centers"], described["threshold_distance"]) == ([], None)
    assert described["warmup"] == {"have": 0, "need": config.warmup}
