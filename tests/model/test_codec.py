"""Versions as bytes: the golden file, the id, and what is said of bytes that do not fit.

``python -m tests.model.test_codec`` writes the golden file anew.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from streamer.errors import ConfigurationError
from streamer.model import Scorer, Sums
from streamer.model.codec import MadeOf, VersionHeader, decode_version, encode_version, state_id
from streamer.model.sums import INPUTS
from tests.model.helpers import small_config, sums_with_centers, with_recent

GOLDEN = Path(__file__).parent.parent / "golden" / "model-version.safetensors"
GOLDEN_ID = "e789a244b1d8662c60a4ea04c2474508cd262a1d13639d203ee263891e8218d2"
CONFIG = small_config()
HEADER = VersionHeader(
    parent="0" * 64,
    created_at="2026-01-05T12:00:00Z",
    reason="merge",
    config_hash="0123456789abcdef",
    offsets={"transactions/1": 7, "transactions/0": 1_000},
)


def known_sums() -> Sums:
    """Return sums of round numbers: centers (1, 2, 3) and (-1, -2, -3), weights 30 and 10."""
    centers = np.array([[1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]])
    sums = sums_with_centers(CONFIG, centers, np.array([30.0, 10.0]), 4.0)
    sums.currency_weights[:], sums.currency_sums[:] = (40.0, 2.0), (150.0, 9.0)
    sums.scored_weight, sums.alerted_weight = np.asarray(42.0), np.asarray(1.5)
    sums = with_recent(sums, [4.0, 0.25], [1.0, 41.0])
    sums.event_span = np.array([-7_200.0, 10_800.0])
    sums.hour_weights[2], sums.hour_alerts[2], sums.hour_asked[2] = 42.0, 1.5, 1.25
    sums.hour_exposures[2], sums.traffic_pace[:] = 1.0, (42.0, 40.0)
    sums.lane_verdicts[0], sums.lane_verdicts[2] = (3.0, 1.0), (0.0, 1.0)
    sums.census[:], sums.census_sq = ((3.0, 1.0), (0.0, 1.0), (0.0, 400.0)), np.asarray(160_000.0)
    sums.transactions_seen, sums.transactions_taught, sums.revivals = 42, 40, 3
    sums.feature_histograms[:, 33], sums.reference_histograms[:, 34] = 42.0, 21.0
    sums.reference_currency_means[:] = 3.5, 0.0
    sums.reference_at, sums.reference_due = 21, 84
    return sums


def test_the_golden_file_decodes_to_known_values() -> None:
    sums, header = decode_version(GOLDEN.read_bytes(), CONFIG)
    assert header == HEADER
    assert (sums.transactions_seen, sums.transactions_taught, sums.revivals) == (42, 40, 3)
    assert Scorer.of("", sums, CONFIG).centers.tolist() == [[1.0, 2.0, 3.0], [-1, -2, -3]]
    assert sums.cluster_weights.tolist() == [30.0, 10.0]
    assert sums.recent_rows.tolist() == [
        [0.0, 2.0, 0.0, 0.0, 1.0, 1.0],
        [0.0, 0.5, 0.0, 0.0, 41.0, 1.0],
    ]
    assert sums.alerted_weight.shape == ()
    assert float(sums.alerted_weight) == 1.5


def parts(blob: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header and the arrays' bytes; safetensors writes its metadata in any order."""
    length = int.from_bytes(blob[:8], "little")
    return json.loads(blob[8 : 8 + length]), blob[8 + length :]


def test_what_a_version_was_made_of_comes_back_and_is_not_in_its_id() -> None:
    """An earlier release's version has none, and is read all the same: the golden file is one."""
    made_of = MadeOf((("b", "22"), ("a", "11")), "c0", "1a", "1.0.0rc1+abc", shards=8)
    header = replace(HEADER, made_of=made_of)
    sums, found = decode_version(encode_version(known_sums(), header, CONFIG.feature_names), CONFIG)
    assert found == header
    assert state_id(sums) == GOLDEN_ID
    assert decode_version(GOLDEN.read_bytes(), CONFIG)[1].made_of is None


def test_a_data_hash_is_of_contents_in_their_order_whatever_files_are_called() -> None:
    def of(*data: tuple[str, str]) -> str:
        return MadeOf(data, "", "", "").data_hash

    assert of(("a", "11"), ("b", "22")) == of(("x", "11"), ("y", "22"))
    assert of(("a", "11"), ("b", "22")) != of(("b", "22"), ("a", "11"))


def test_the_golden_file_encodes_back_to_the_same_header_and_bytes() -> None:
    blob = GOLDEN.read_bytes()
    sums, header = decode_version(blob, CONFIG)
    assert parts(encode_version(sums, header, CONFIG.feature_names)) == parts(blob)
    assert parts(encode_version(known_sums(), HEADER, CONFIG.feature_names)) == parts(blob)
    assert len(blob) < 50_000


def test_the_id_of_the_golden_file_has_not_changed() -> None:
    """An id that changes for the same state would make every stored version unreachable."""
    sums, _ = decode_version(GOLDEN.read_bytes(), CONFIG)
    assert state_id(sums) == state_id(known_sums()) == GOLDEN_ID


@given(st.integers(0, 2**32 - 1), st.integers(0, 4))
def test_what_is_encoded_decodes_bit_for_bit(seed: int, n_rows: int) -> None:
    rng = np.random.default_rng(seed)
    sums = Sums.zero(CONFIG)
    for field in fields(sums):
        value = getattr(sums, field.name)
        if isinstance(value, np.ndarray) and value.dtype == float:
            setattr(sums, field.name, np.asarray(rng.normal(size=value.shape)))
    sums.warmup_X = rng.normal(size=(n_rows, 3))
    sums.warmup_X[:1, 1] = np.nan
    sums.warmup_currencies = rng.integers(0, 2, n_rows)
    sums.recent_rows = rng.normal(size=(n_rows, 6)).astype(np.float32)
    sums.transactions_seen = int(rng.integers(0, 2**62))
    decoded, header = decode_version(encode_version(sums, HEADER, CONFIG.feature_names), CONFIG)
    assert header == HEADER
    assert state_id(decoded) == state_id(sums)
    for field in fields(sums):
        mine, theirs = np.asarray(getattr(sums, field.name)), getattr(decoded, field.name)
        assert np.asarray(theirs).tobytes() == mine.tobytes()


def test_decoded_sums_can_be_learned_into() -> None:
    sums, _ = decode_version(GOLDEN.read_bytes(), CONFIG)
    merged = sums.merged(sums)
    merged.hour_weights[0] += 1
    assert merged.transactions_seen == 84


def test_the_id_ignores_the_header() -> None:
    other = replace(HEADER, parent="f" * 64, reason="fit", created_at="2030-01-01T00:00:00Z")
    blob = encode_version(known_sums(), other, CONFIG.feature_names)
    assert blob != GOLDEN.read_bytes()
    sums, header = decode_version(blob, CONFIG)
    assert header.reason == "fit"
    assert state_id(sums) == GOLDEN_ID


@pytest.mark.parametrize("name", [f.name for f in fields(Sums)])
def test_the_id_depends_on_every_field(name: str) -> None:
    sums = known_sums()
    value = getattr(sums, name)
    if name in INPUTS:
        setattr(sums, name, np.ones((1,) * value.ndim))
    elif name.startswith("warmup"):
        setattr(sums, name, np.zeros((1, 3)) if name == "warmup_X" else np.zeros(1, np.int64))
    elif isinstance(value, int):
        setattr(sums, name, value + 1)
    else:
        changed = np.atleast_1d(value.copy())
        changed.flat[0] = np.nextafter(changed.flat[0], np.inf)
        setattr(sums, name, changed.reshape(value.shape))
    assert state_id(sums) != GOLDEN_ID


def test_other_features_are_refused_by_name() -> None:
    other = small_config(feature_names=("amount", "pace", "height"))
    with pytest.raises(ConfigurationError, match=r"features.*difference in: gap, height; start"):
        decode_version(GOLDEN.read_bytes(), other)


def test_features_in_another_order_are_refused() -> None:
    other = small_config(feature_names=("pace", "amount", "gap"))
    with pytest.raises(ConfigurationError, match="difference in: another order"):
        decode_version(GOLDEN.read_bytes(), other)


def test_another_number_of_clusters_is_refused_with_both_numbers() -> None:
    with pytest.raises(ConfigurationError, match=r"must have 5 clusters .*got 2; change"):
        decode_version(GOLDEN.read_bytes(), small_config(n_clusters=5))


def test_another_format_is_refused() -> None:
    blob = save({"x": np.zeros(1)}, metadata={"format": "99"})
    with pytest.raises(ConfigurationError, match=r"format must be 6, got '99'; use the release"):
        decode_version(blob, CONFIG)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\x00",
        b"not a model at all, but long enough to have a length",
        b"\xff" * 64,
        b"\x80\x04\x95pickle",
        save({"x": np.zeros(1)}),
    ],
    ids=["nothing", "one byte", "text", "ones", "pickle", "no metadata"],
)
def test_bytes_that_are_no_version_are_refused(blob: bytes) -> None:
    with pytest.raises(ConfigurationError, match="model version must be a safetensors file"):
        decode_version(blob, CONFIG)


@pytest.mark.parametrize("n_bytes", [1, 8, 100, 1_000, 5_000])
def test_a_version_cut_short_is_refused(n_bytes: int) -> None:
    with pytest.raises(ConfigurationError, match="model version must be a safetensors file"):
        decode_version(GOLDEN.read_bytes()[:n_bytes], CONFIG)


def remade(without: str = "", **arrays: Any) -> bytes:
    """Return the golden file without one array or header field, or with other ``arrays``."""
    blob = GOLDEN.read_bytes()
    metadata = parts(blob)[0]["__metadata__"]
    kept = {name: array for name, array in load(blob).items() if name != without} | arrays
    return save(kept, metadata={k: v for k, v in metadata.items() if k != without})


@pytest.mark.parametrize("name", [*(f.name for f in fields(Sums)), "offsets", "feature_names"])
def test_a_version_without_one_of_its_parts_is_refused_by_the_name_of_the_part(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"all its parts, got none of: {name}; export"):
        decode_version(remade(without=name), CONFIG)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("cluster_sums", np.zeros((2, 2))),
        ("hour_alerts", np.zeros(7)),
        ("recent_rows", np.zeros((2, 5), np.float32)),
        ("currency_sums", np.zeros(3)),
        ("warmup_X", np.zeros((1, 3))),
        ("warmup_X", np.zeros((0, 4))),
        ("alerted_weight", np.zeros(1)),
    ],
)
def test_an_array_of_another_shape_is_refused(name: str, array: np.ndarray) -> None:
    with pytest.raises(ConfigurationError, match=r"must have the shape .*, got"):
        decode_version(remade(**{name: array}), CONFIG)


def test_a_version_from_before_a_currency_was_appended_is_read_and_the_new_one_is_unseen() -> None:
    config = small_config(n_currencies=3)
    sums, _ = decode_version(GOLDEN.read_bytes(), config)
    assert sums.currency_weights.tolist() == [40.0, 2.0, 0.0]
    assert sums.currency_sums.tolist() == [150.0, 9.0, 0.0]
    assert sums.merged(Sums.zero(config)).transactions_seen == 42


if __name__ == "__main__":
    GOLDEN.write_bytes(encode_version(known_sums(), HEADER, CONFIG.feature_names))
