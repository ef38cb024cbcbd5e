"""Every topic that is written here, and how long its messages are kept where it is created here.

Who creates topics by other means takes the same from here; `streamer status` says where a topic keeps
what is of cards for longer than is stated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from streamer.settings import Settings

__all__ = ["KEPT_TOPICS", "KeptTopic", "differing", "not_told", "topic_config"]

_POLICY: Final = "cleanup.policy"
_TIME: Final = "retention.ms"
_BYTES: Final = "retention.bytes"
_DELETE: Final = "delete"


@dataclass(frozen=True, slots=True)
class KeptTopic:
    """The topic that ``setting`` names, kept for the seconds that ``kept_s`` has, "" for as long as the
    broker, or its owner, says.  ``must_stay``: what goes earlier is missed."""

    setting: str
    kept_s: str
    what: str
    of_card: bool = True
    must_stay: bool = False


KEPT_TOPICS: Final = (
    KeptTopic("transactions_topic", "", "payments: the payment system's topic, and its to say"),
    KeptTopic(
        "alerts_topic", "alerts_retention_s", "alerts: payment, reasons; card, pseudonym or alias"
    ),
    KeptTopic("overflow_topic", "alerts_retention_s", "alerts that were held back, the same"),
    KeptTopic(
        "feedback_topic", "feedback_retention_s", "verdicts: payment, and the card or its alias"
    ),
    KeptTopic("dead_letters_topic", "dead_letters_retention_s", "messages as they came"),
    KeptTopic("feedback_dead_letters_topic", "dead_letters_retention_s", "verdicts as they came"),
    KeptTopic("scores_topic", "scores_retention_s", "the score of each payment, where enabled"),
    KeptTopic(
        "features_topic", "scores_retention_s", "the features of each payment, where enabled"
    ),
    KeptTopic(
        "serve_decisions_topic", "scores_retention_s", "what `streamer serve` answered, where set"
    ),
    KeptTopic(
        "audit_topic",
        "audit_retention_s",
        "who did and saw what; card or alias",
        must_stay=True,
    ),
    KeptTopic("proposals_topic", "audit_retention_s", "proposals and decisions", of_card=False),
)
"""The rows, in the order of the page."""


def topic_config(settings: Settings, topic: str) -> dict[str, str]:
    """Return the broker's settings of a topic that is created here, none where nothing is stated.

    >>> topic_config(Settings(), "fraud-alerts")
    {'cleanup.policy': 'delete', 'retention.ms': '604800000'}
    """
    row = next((each for each in KEPT_TOPICS if getattr(settings, each.setting) == topic), None)
    if row is None or not row.kept_s:
        return {}
    told = {_POLICY: _DELETE, _TIME: str(_kept_ms(settings, row))}
    # Nothing goes but by its age.
    return told | ({_BYTES: "-1"} if row.must_stay else {})


def differing(settings: Settings, told: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return a sentence on each topic that is not kept as is stated.

    ``told`` is what the broker says of topics; one that says nothing of a topic, or of one of its
    settings, is believed to do what it was asked for.
    """
    return [
        sentence
        for row in KEPT_TOPICS
        if row.kept_s and (name := getattr(settings, row.setting)) in told
        for sentence in _of_topic(settings, row, name, told[name])
    ]


def _of_topic(
    settings: Settings, row: KeptTopic, name: str, config: Mapping[str, str]
) -> list[str]:
    kept_ms, variable = _kept_ms(settings, row), f"STREAMER_{row.kept_s.upper()}"
    stated = f"{variable} says {_days(kept_ms)}"
    found = []
    if row.of_card and "compact" in config.get(_POLICY, ""):
        found.append(
            f"topic {name} keeps the last message of each key for ever ({_POLICY}), {stated}"
        )
    time_ms = config.get(_TIME, "")
    if time_ms.removeprefix("-").isdigit():
        at_ms = int(time_ms)
        # What has to stay may stay for longer, as who keeps an audit may have to.
        if row.of_card and not row.must_stay and not 0 <= at_ms <= kept_ms:
            how_long = "for ever" if at_ms < 0 else _days(at_ms)
            found.append(f"topic {name} keeps what is of cards {how_long} ({_TIME}), {stated}")
        elif row.must_stay and 0 <= at_ms < kept_ms:
            found.append(f"topic {name} keeps entries {_days(at_ms)} ({_TIME}), {stated}")
    most = config.get(_BYTES, "")
    if row.must_stay and most.isdigit():
        found.append(
            f"topic {name} keeps {int(most):,} bytes of a partition at most ({_BYTES}), whatever their "
            f"age, {stated}"
        )
    return found


def not_told(topics: Collection[str]) -> list[str]:
    """Return a sentence on topics of which this principal is not told how the broker keeps them."""
    if not topics:
        return []
    return [
        f"the broker does not tell how it keeps {', '.join(sorted(topics))}: who asks must have "
        "DescribeConfigs on them, and is refused it"
    ]


def _kept_ms(settings: Settings, row: KeptTopic) -> int:
    kept_s: float = getattr(settings, row.kept_s)
    return round(kept_s * 1000)


def _days(time_ms: int) -> str:
    return f"{time_ms / 86_400_000:,.3g} days"
