"""Redis: checkpoints, model versions, lineage and feedback.  The only package that imports redis.

Reading order: `keys`, `stored` (what is stored), `client` (the connection; `connecting`, `faults` and
`breaker` are its parts), `suitability`, `identity` and `service` (may this worker write here?),
`checkpoints` (the atomic step; `merging` is its model's part), `partition_records` (what it has left),
`reset` and `resetting`, `history_limits`, `versions`, `promotions`, `settling` and `trials` (what moves
a head otherwise), `challengers`, `policy_records`, `feedback`, `lesson_stream` (what verdicts taught),
`store` (the calls the rest makes); `committed` is what Kafka is told of it.  Apart from all of it is
what the console keeps: `open_alerts`, `alert_claims`, `wave_claims`, `older_alerts`, `card_alerts`,
`kept_versions`, `judged_alerts`, `review_record`, `twice_judged` (second opinions), `reviews`,
`sittings`, `proposals`, `snoozes`, `review_store`; `taught` finds lessons for it.  What a customer may
ask for: `alias_keys` (what stands for cards), `erasures`, and `console_traces` and `verdict_traces`
(where else a card is).
"""

from streamer.store.alert_claims import Claimed
from streamer.store.alias_keys import AliasKeys
from streamer.store.breaker import BREAKER_STATES, BreakerStatus
from streamer.store.card_alerts import CardAlert
from streamer.store.client import Url
from streamer.store.committed import Committed
from streamer.store.erasures import Erasure, Erasures
from streamer.store.feedback import StoredVerdicts
from streamer.store.lesson_stream import StoredLesson
from streamer.store.older_alerts import LookedUp
from streamer.store.open_alerts import QueueCounts, QueueRow, row_of
from streamer.store.policy_records import Policies, PolicyEntry
from streamer.store.promotions import Wish
from streamer.store.reset import LogBounds, Reset, ResetRequest
from streamer.store.review_record import Begun, Review, undo_key
from streamer.store.review_store import ReviewStore
from streamer.store.service import ServiceIdentity
from streamer.store.settling import Settled
from streamer.store.store import Store
from streamer.store.stored import (
    AGED,
    Checkpoint,
    Counted,
    Heads,
    LogIdentity,
    PartitionRecord,
    StoredVersion,
    VersionInfo,
    rfc3339,
)
from streamer.store.wave_claims import Joint

__all__ = [
    "AGED",
    "BREAKER_STATES",
    "AliasKeys",
    "Begun",
    "BreakerStatus",
    "CardAlert",
    "Checkpoint",
    "Claimed",
    "Committed",
    "Counted",
    "Erasure",
    "Erasures",
    "Heads",
    "Joint",
    "LogBounds",
    "LogIdentity",
    "LookedUp",
    "PartitionRecord",
    "Policies",
    "PolicyEntry",
    "QueueCounts",
    "QueueRow",
    "Reset",
    "ResetRequest",
    "Review",
    "ReviewStore",
    "ServiceIdentity",
    "Settled",
    "Store",
    "StoredLesson",
    "StoredVerdicts",
    "StoredVersion",
    "Url",
    "VersionInfo",
    "Wish",
    "rfc3339",
    "row_of",
    "undo_key",
]
