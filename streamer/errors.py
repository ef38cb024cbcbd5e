"""Every error that this package raises on purpose.

A bad *event* is never an exception beyond the pipeline: it becomes a dead letter.  A bad *setting* is
a `ConfigurationError`, raised before any connection is opened.  A broken *invariant* is an
`InvariantError`: the worker crashes and its supervisor restarts it from the last checkpoint.

Messages read ``<field> must be <condition>, got <value>[; what to do]``.
"""

from __future__ import annotations

__all__ = [
    "ConfigurationError",
    "FencedError",
    "InvariantError",
    "NotRebuiltError",
    "NothingToScoreError",
    "StoreReplacedError",
    "StreamerError",
    "UnavailableError",
    "UnknownVersionError",
]


class StreamerError(Exception):
    """Base of all errors raised by streamer; its text is one line that a person can act on."""


class ConfigurationError(StreamerError):
    """The settings, the topics or a file's columns are not usable.  The command exits with 2."""


class UnknownVersionError(ConfigurationError):
    """No such model version is stored: never, or no longer."""


class NotRebuiltError(StreamerError):
    """Another version comes out of the same payments.  The command exits with 1."""


class NothingToScoreError(StreamerError):
    """No row of the input is a payment.  The command exits with 1."""


class UnavailableError(StreamerError):
    """Kafka or Redis did not answer within the configured time.  The command exits with 1."""


class FencedError(StreamerError):
    """Another worker has claimed the partition since; what this worker learned there is void."""


class StoreReplacedError(StreamerError):
    """Redis is not the store that this worker left: emptied, another one, or an older state of it.

    Nothing was written to it.  The worker ends; the next one starts from what is there.
    """


class InvariantError(StreamerError):
    """A promise of the design is broken; going on would make it worse."""
