"""What a challenger does otherwise than the service's own model.

Invariants:
* A challenger has the budget, the features' definitions and the traffic of the main line: what differs
  is how it learns and ranks, so that alerts of both can be compared one by one.
* The id is the hash of what differs, wherever it was asked for.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import fields, replace
from typing import Any, Final

import msgspec
import numpy as np

from streamer.errors import ConfigurationError
from streamer.model.model_config import ModelConfig
from streamer.model.sums import INPUTS, Sums

__all__ = ["CHANGEABLE", "MOST", "Challenge", "check_name", "without_odds"]

MOST: Final = 3
"""At the price of a tenth of a worker's CPU each."""
CHANGEABLE: Final = (
    "n_clusters",
    "half_life",
    "score_half_life",
    "warmup",
    "alert_hours",
    "reserve_share",
    "rank_by",
    "random_seed",
)
"""What may differ of a `ModelConfig`; all else is the budget, or what features are."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


class Challenge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``changes`` are fields of `ModelConfig` with their values, ``only_features`` the features that
    are looked at, None for all.  ``distance_only``: verdicts teach it nothing.  ``begins_with`` is the
    id of the version that it began with, empty for none.
    """

    changes: dict[str, Any] = {}
    only_features: tuple[str, ...] | None = None
    distance_only: bool = False
    begins_with: str = ""

    @property
    def id(self) -> str:
        """Return the content address: 64 hexadecimal digits."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()

    def config(self, main: ModelConfig) -> ModelConfig:
        """Return the challenger's own configuration where the service has ``main``.

        >>> names = {"feature_names": ("a",), "spread_floors": (0.1,), "sides": (0,)}
        >>> Challenge({"n_clusters": 8}).config(ModelConfig(**names, n_currencies=1)).n_clusters
        8
        """
        own = replace(main, **self.changes)
        return replace(own, odds_min_frauds=math.inf) if self.distance_only else own

    def checked(self, main: ModelConfig) -> Challenge:
        """Return this challenge, or raise a `ConfigurationError` with what it must not differ in."""
        known = {field.name for field in fields(ModelConfig)}
        for name in self.changes:
            if name not in CHANGEABLE:
                why = "the main line's" if name in known else "one of the model's"
                raise ConfigurationError(
                    f"a challenger's {name} must be {why}: it may differ in {', '.join(CHANGEABLE)}"
                )
        only = self.only_features
        if only is not None:
            if unknown := [name for name in only if name not in main.feature_names]:
                raise ConfigurationError(
                    f"--only-features must be among {', '.join(main.feature_names)}; got {unknown[0]}"
                )
            if len(set(only)) in (0, main.n_features):
                raise ConfigurationError(
                    "--only-features must leave some features and leave some out, got "
                    f"{len(set(only))} of {main.n_features}"
                )
            is_by_loss = self.config(main).rank_by == "expected_loss"
            if is_by_loss and main.feature_names[0] not in only:
                raise ConfigurationError(
                    f"--only-features must have {main.feature_names[0]} where the expected loss ranks"
                )
        return self

    def beginning_with(self, version: str) -> Challenge:
        """Return the challenge that begins with a version, by its id; empty for none."""
        return msgspec.structs.replace(self, begins_with=version)

    def left_out(self, main: ModelConfig) -> tuple[int, ...]:
        """Return the columns of the features that are not looked at."""
        if self.only_features is None:
            return ()
        return tuple(
            i for i, name in enumerate(main.feature_names) if name not in self.only_features
        )

    def told(self) -> str:
        """Return what differs, in a line.

        >>> Challenge({"n_clusters": 8}, distance_only=True).told()
        'n_clusters=8, distance only'
        """
        parts = [f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
                 for name, value in sorted(self.changes.items())]  # fmt: skip
        if self.only_features is not None:
            parts.append(f"only {', '.join(self.only_features)}")
        if self.distance_only:
            parts.append("distance only")
        if self.begins_with:
            parts.append(f"begins with {self.begins_with[:12]}")
        return ", ".join(parts) or "nothing"


def check_name(name: str) -> str:
    """Return ``name``; ConfigurationError where it would not do for a label and a key."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            "a challenger's name must be 1 to 32 of a to z, 0 to 9 and dashes, not a dash first, got "
            f"{name!r}"
        )
    return name


def without_odds(sums: Sums) -> Sums:
    """Return the sums of a model that no verdict has taught."""
    nothing: dict[str, Any] = {name: np.zeros(0) for name in INPUTS}
    return replace(sums, **nothing)
