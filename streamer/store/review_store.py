"""What `streamer console` keeps in Redis, apart from what workers keep there."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from streamer.store.alert_claims import Claims
from streamer.store.bound_names import BoundNames
from streamer.store.card_alerts import CardAlerts
from streamer.store.client import Client, Url
from streamer.store.judged_alerts import JudgedAlerts
from streamer.store.kept_versions import KeptVersions
from streamer.store.lookups import Lookups
from streamer.store.older_alerts import OlderAlerts
from streamer.store.open_alerts import OpenAlerts
from streamer.store.proposals import Proposals
from streamer.store.reviews import Reviews
from streamer.store.sittings import Sittings
from streamer.store.snoozes import Snoozes
from streamer.store.taught import Taught
from streamer.store.twice_judged import TwiceJudged
from streamer.store.wave_claims import WaveClaims

__all__ = ["ReviewStore"]


@dataclass(frozen=True, slots=True)
class ReviewStore:
    """What is kept of one namespace for its reviewers."""

    client: Client
    alerts: OpenAlerts
    claims: Claims
    reviews: Reviews
    sittings: Sittings
    waves: WaveClaims
    proposals: Proposals
    judged: JudgedAlerts
    snoozes: Snoozes

    @classmethod
    def open(
        cls,
        url: Url,
        *,
        timeout_s: float,
        namespace: str,
        capacity: int,
        most_claims: int,
        rng: np.random.Generator,
    ) -> ReviewStore:
        """Return a store that connects when it is first used.

        It has room for ``capacity`` alerts, of which a person may hold ``most_claims`` at once.
        """
        client = Client.of(url, timeout_s, namespace, rng, time.monotonic)
        return cls(
            client,
            OpenAlerts(client, capacity),
            Claims(client, most_claims),
            Reviews(client),
            Sittings(client),
            WaveClaims(client),
            Proposals(client),
            JudgedAlerts(client),
            Snoozes(client),
        )

    @property
    def bound_names(self) -> BoundNames:
        """Whose the names are of people whom a provider lets in."""
        return BoundNames(self.client)

    @property
    def cards(self) -> CardAlerts:
        """The latest alerts of each card."""
        return CardAlerts(self.client)

    @property
    def kept_versions(self) -> KeptVersions:
        """The model versions of the latest alerts."""
        return KeptVersions(self.client)

    @property
    def older(self) -> OlderAlerts:
        """Alerts that were looked up in their topic."""
        return OlderAlerts(self.client)

    @property
    def lookups(self) -> Lookups:
        """What the stream has stored of cards and merchants."""
        return Lookups(self.client)

    @property
    def taught(self) -> Taught:
        """What verdicts taught."""
        return Taught(self.client)

    @property
    def twice(self) -> TwiceJudged:
        """What was drawn for a second opinion."""
        return TwiceJudged(self.client)

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()
