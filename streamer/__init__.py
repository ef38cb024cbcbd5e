"""Streaming fraud scoring: online k-means over card payments, from Kafka to alerts.

A room is a package, and `tests/test_architecture.py` lists what each may know.

Reading order: `contract` (what goes over the wire) and `intake` (what producers send instead),
`features` and `model` (arrays and compiled loops), `verdicts`, `explaining`, `pipeline` (the
product as one function), `library` (the same for a program), `store` (Redis), `stream` (Faust and
Kafka), `cli`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from streamer.contract.messages import Alert
    from streamer.errors import ConfigurationError
    from streamer.explaining.explanation import Explanation
    from streamer.library.detector import Detector
    from streamer.library.measured import Evaluation
    from streamer.library.measuring import evaluate
    from streamer.library.online_kmeans import OnlineKMeans
    from streamer.library.python_hints import RefusedWarning
    from streamer.library.results import Refused, Results

__all__ = [
    "Alert",
    "ConfigurationError",
    "Detector",
    "Evaluation",
    "Explanation",
    "OnlineKMeans",
    "Refused",
    "RefusedWarning",
    "Results",
    "__version__",
    "evaluate",
]

__version__ = "1.0.0rc1"

# What a program may rely on.  Loaded when it is asked for: a command imports what it needs alone.
_PUBLIC: Final = {
    "Alert": "streamer.contract.messages",
    "ConfigurationError": "streamer.errors",
    "Detector": "streamer.library.detector",
    "Evaluation": "streamer.library.measured",
    "Explanation": "streamer.explaining.explanation",
    "OnlineKMeans": "streamer.library.online_kmeans",
    "Refused": "streamer.library.results",
    "RefusedWarning": "streamer.library.python_hints",
    "Results": "streamer.library.results",
    "evaluate": "streamer.library.measuring",
}


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'streamer' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
