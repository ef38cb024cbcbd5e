"""The model: online k-means as a mergeable, decaying sum.  numpy only.

Reading order: `config`, `sums` (what is learned), `version` (what scores, derived from the sums),
`kmeans` and `histogram` (the arithmetic), `bounds` (what an attacker
cannot teach), `learning` (from a batch, and from a delta to the next
version), `codec` (bytes and the content-addressed id).
"""

from streamer.model.bounds import may_teach
from streamer.model.config import ModelConfig
from streamer.model.learning import advance, delta_limit, learn, learn_warming
from streamer.model.sums import Sums
from streamer.model.version import ModelVersion, Scored

__all__ = [
    "ModelConfig",
    "ModelVersion",
    "Scored",
    "Sums",
    "advance",
    "delta_limit",
    "learn",
    "learn_warming",
    "may_teach",
]
