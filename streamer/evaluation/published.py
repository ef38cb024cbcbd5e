"""Figures that others have published for the same rows, to stand beside ours."""

from __future__ import annotations

from typing import Any, Final

from streamer.evaluation.protocols import Protocol

__all__ = ["NOTE", "published"]

NOTE: Final = (
    "published detectors were trained on the protocol's training week; a streaming one has no training "
    "week and passes over the whole file in order, scoring each row before learning from it"
)
_LABEL_FED: Final = "uses the three label-derived terminal-risk features"
_SUPERVISED: Final = "supervised, 15 features"

_ROWS: Final[dict[Protocol, tuple[tuple[str, float, float, float, str], ...]]] = {
    "handbook-a": (
        ("logistic regression", 0.871, 0.606, 0.291, _SUPERVISED),
        ("random forest", 0.867, 0.658, 0.287, _SUPERVISED),
        ("XGBoost", 0.862, 0.639, 0.273, _SUPERVISED),
        ("decision tree, depth 2", 0.763, 0.496, 0.241, _SUPERVISED),
    ),
    "handbook-b": (
        ("autoencoder", 0.836, 0.180, 0.217, f"unsupervised, {_LABEL_FED}"),
        ("isolation forest", 0.808, 0.164, 0.190, f"unsupervised, {_LABEL_FED}"),
        (
            "isolation forest without them",
            0.594,
            0.021,
            0.049,
            "unsupervised; measured, not published",
        ),
    ),
    "handbook-c": (
        ("XGBoost", 0.869, 0.687, 0.303, _SUPERVISED),
        ("neural network", 0.876, 0.675, 0.303, _SUPERVISED),
        ("LSTM", 0.876, 0.665, 0.297, "supervised, a card's last payments"),
    ),
    "prequential": (),
}


def published(protocol: Protocol) -> list[dict[str, Any]]:
    """Return the published rows of a protocol as they are printed; none outside the Handbook."""
    return [
        {
            "detector": name,
            "auc_roc": auc,
            "average_precision": precision,
            "cp_at_100": top_cards,
            "trained": how,
        }
        for name, auc, precision, top_cards, how in _ROWS[protocol]
    ]
