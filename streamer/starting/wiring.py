"""From settings to the parameters of the pure core."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Final

import numpy as np

from streamer.contract.card_rule import REFUSED
from streamer.contract.codes import CURRENCIES, CURRENCY_INDEX
from streamer.features import CONTEXT_NAMES, FEATURE_NAMES, FEATURES
from streamer.intake.by_name import load_declaration
from streamer.intake.decoding import TimestampRange
from streamer.model import ModelConfig
from streamer.pipeline import PipelineConfig
from streamer.policies import settings_under
from streamer.settings import POLICY_SETTINGS, PREFIX, Settings
from streamer.settings.currency_values import currency_values
from streamer.settings.secret_files import redis_url
from streamer.starting.card_keys_in_use import card_key_of, card_rule_of
from streamer.starting.card_rule_check import NUMBERS_SETTING
from streamer.store import ReviewStore, ServiceIdentity, Store, Url
from streamer.verdicts import VerdictConfig

__all__ = [
    "MODEL_SETTINGS",
    "believable_times",
    "model_config",
    "open_review_store",
    "open_store",
    "pipeline_config",
    "service_identity",
    "settings_in_force",
]

# The model's parameters that are settings and not the policy's; the others are this release's.
MODEL_SETTINGS: Final = {
    "n_clusters": "n_clusters",
    "half_life": "half_life_transactions",
    "score_half_life": "score_half_life_transactions",
    "warmup": "warmup_transactions",
    "random_seed": "random_seed",
}


def open_store(settings: Settings) -> Store:
    """Return the store of the settings' namespace; it connects when it is first used."""
    return Store.open(
        _url(settings),
        timeout_s=settings.redis_timeout_s,
        namespace=settings.namespace,
        config=model_config(settings),
        versions_kept=settings.model_versions_kept,
        lineage_max_entries=settings.lineage_max_entries,
        feedback_max_entries=settings.feedback_max_entries,
        lessons_max_entries=settings.lessons_max_entries,
        rng=np.random.default_rng(),
    )


def open_review_store(settings: Settings) -> ReviewStore:
    """Return what the console keeps in the settings' namespace; it connects when it is first used."""
    return ReviewStore.open(
        _url(settings),
        timeout_s=settings.redis_timeout_s,
        namespace=settings.namespace,
        capacity=settings.console_max_alerts,
        most_claims=settings.console_max_claims,
        rng=np.random.default_rng(),
    )


def _url(settings: Settings) -> Url:
    file = redis_url(settings)
    return settings.redis_url.get_secret_value() if file is None else file


def service_identity(settings: Settings, kafka_cluster_id: str = "") -> ServiceIdentity:
    """Return what the workers of the settings' service must agree on; the policy is no part of it."""
    config = model_config(settings)
    names = (item.name for item in fields(config) if item.name not in POLICY_SETTINGS)
    declaration = load_declaration(settings.intake)
    # By its content: hosts may keep the file in different places.
    intake = {} if declaration.is_default else {f"{PREFIX}INTAKE": declaration.hash}
    cards = card_rule_of(settings).told
    # With two rules, or two keys, one card would have two states.
    numbers = {} if cards == REFUSED.told else {NUMBERS_SETTING: cards}
    return ServiceIdentity(
        transactions_topic=settings.transactions_topic,
        model_settings=intake
        | numbers
        | {
            f"{PREFIX}{MODEL_SETTINGS[name].upper()}"
            if name in MODEL_SETTINGS
            else f"this release's {name}": str(getattr(config, name))
            for name in names
        },
        config_hash=config.hash,
        kafka_cluster_id=kafka_cluster_id,
    )


def model_config(settings: Settings) -> ModelConfig:
    """Return the model's parameters: this release's features, the settings' numbers."""
    named = currency_values(settings.currency_values)
    return ModelConfig(
        feature_names=FEATURE_NAMES,
        spread_floors=tuple(feature.spread_floor for feature in FEATURES),
        sides=tuple(feature.side for feature in FEATURES),
        n_currencies=len(CURRENCIES),
        context_names=CONTEXT_NAMES,
        subjects=tuple(feature.subject for feature in FEATURES),
        of_amounts=tuple(feature.of_amount for feature in FEATURES),
        n_clusters=settings.n_clusters,
        half_life=settings.half_life_transactions,
        score_half_life=settings.score_half_life_transactions,
        warmup=settings.warmup_transactions,
        alert_budget=settings.alert_budget,
        alerts_per_hour=settings.alerts_per_hour,
        alert_hours=settings.alert_hours,
        reserve_share=settings.reserve_share,
        sample_share=settings.sample_share,
        rank_by=settings.rank_by,
        currency_values=tuple(
            sorted((CURRENCY_INDEX[code], value) for code, value in named.items())
        ),
        review_cost=settings.review_cost,
        review_spend_per_day=settings.review_spend_per_day,
        random_seed=settings.random_seed,
    )


def believable_times(settings: Settings) -> TimestampRange:
    """Return which event times are believable."""
    earliest = datetime(settings.earliest_event_year, 1, 1, tzinfo=UTC)
    return TimestampRange(
        earliest_ms=int(earliest.timestamp() * 1000),
        max_ahead_ms=int(settings.max_event_ahead_s * 1000),
    )


def pipeline_config(settings: Settings) -> PipelineConfig:
    """Return the pipeline's parameters."""
    return PipelineConfig(
        model=model_config(settings),
        believable=believable_times(settings),
        card_key=card_key_of(settings),
        cards=card_rule_of(settings),
        with_scores=settings.scores_enabled,
        with_features=settings.features_enabled,
        verdicts=VerdictConfig(
            capacity=settings.label_capacity,
            horizon_ms=round(settings.label_horizon_s * 1000),
            whole_ms=round(settings.label_whole_s * 1000),
            presumed_after_ms=round(settings.label_presumed_s * 1000),
            unlabelled_is_legitimate=settings.unlabelled_is_legitimate,
        ),
        repeat_window=settings.duplicate_window_offsets,
    )


async def settings_in_force(store: Store, settings: Settings) -> Settings:
    """Return the settings under the policy that workers go by; as they are where there is none yet."""
    policy_id = await store.policies.head()
    return settings_under(settings, await store.policies.read(policy_id)) if policy_id else settings
