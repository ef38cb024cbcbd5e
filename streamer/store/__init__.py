"""Redis: checkpoints, model versions, lineage, verdicts.  The only package that imports redis."""

from streamer.store.records import Checkpoint, ModelHead, PartitionRecord, VersionInfo
from streamer.store.store import Store

__all__ = ["Checkpoint", "ModelHead", "PartitionRecord", "Store", "VersionInfo"]
