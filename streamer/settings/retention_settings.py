"""The settings of how long things are kept that are bounded by nothing else (docs/retention.md)."""

from __future__ import annotations

from streamer.settings.serve_settings import ServeFields
from streamer.settings.settings import Seconds

__all__ = ["RetentionFields"]

_WEEK_S = 604_800.0
_AUDITED_S = 34_560_000.0


class RetentionFields(ServeFields):
    """Of topics that are created here, and of what lies in Redis by its age."""

    alerts_retention_s: Seconds = _WEEK_S
    """Seconds that the topics of alerts and of those held back keep messages, where they are created
    here: 7 days. `streamer status` says where a topic keeps what is of cards for longer."""
    feedback_retention_s: Seconds = _WEEK_S
    """The same for the topic of verdicts; workers keep those that they learn from in Redis."""
    dead_letters_retention_s: Seconds = _WEEK_S
    """The same for both topics of dead letters: messages as they came."""
    scores_retention_s: Seconds = _WEEK_S
    """The same for the topics of scores, of features and of `streamer serve`'s decisions."""
    cards_retention_s: Seconds = _AUDITED_S
    """Seconds of event time after which a card or merchant that was not seen is forgotten: 400 days, by
    when nothing is left of its sums but a hundredth."""
    console_team_retention_s: Seconds = _AUDITED_S
    """Seconds that the console keeps who judged which alert when, for the team's pages: 400 days."""
