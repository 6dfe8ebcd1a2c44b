"""Settings of the webhooks service."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from shared.contracts.topics import DAY_MS, EVENTS, Topic
from shared.settings import SharedSettings

HOUR = 3600.0


class Settings(SharedSettings):
    """How webhooks are posted, tried again and given up."""

    allow_private_targets: bool = Field(
        False, description="lets webhooks go to private and loopback addresses and over plain http"
    )
    webhook_timeout_seconds: float = Field(
        15,
        gt=0,
        le=30,
        description="how long one post may take in all, where its endpoint names no time",
    )
    webhook_schedule: list[float] = Field(
        [0, 5, 300, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
        min_length=1,
        description="seconds before each attempt, the first included; after the last one a webhook is given up",
    )
    webhook_retry_after_max_seconds: float = Field(
        24 * HOUR, description="the longest Retry-After that an endpoint can ask for"
    )
    webhook_throttle_seconds: float = Field(
        5, ge=0, description="how long an endpoint is left alone that answers 429 and names no time"
    )
    webhook_replicas: int = Field(
        1, ge=1, description="processes with the role dispatch; each has its part of an endpoint's rate"
    )
    webhook_endpoint_concurrency: int = Field(
        10, ge=1, le=100, description="posts to one endpoint at once in each process, where the endpoint names none"
    )
    webhook_endpoint_rate: int = Field(
        100, ge=1, le=1000, description="posts to one endpoint begun in a second, where the endpoint names none"
    )
    webhook_in_flight: int = Field(1000, ge=1, description="webhooks that one process holds at once")
    webhook_lease_seconds: float = Field(60, description="how long a claimed webhook stays with a silent process")
    webhook_poll_seconds: float = Field(0.5, gt=0, description="how often webhooks that have come due are looked for")
    webhook_breaker_failures: int = Field(10, ge=1, description="failures in a row after which an endpoint is probed")
    webhook_breaker_first_seconds: float = Field(30, description="wait before the first probe; it doubles")
    webhook_breaker_longest_seconds: float = Field(300, description="longest wait between two probes")
    webhook_rotation_hours: float = Field(
        24, ge=0, le=72, description="how long a secret goes on signing after its rotation, where that names no time"
    )
    webhook_failing_failures: int = Field(3, ge=2, description="failures within a day that begin an endpoint's clock")
    webhook_failing_hours: float = Field(
        12, ge=0, le=24, description="hours between the first and the last of them, at least"
    )
    webhook_failing_days: float = Field(
        5, gt=0, le=25, description="days of nothing but failures after which an endpoint is disabled"
    )
    webhook_kept_days: float = Field(30, le=366, description="how long what has ended, and each attempt, is kept")
    webhook_replay_at_once: int = Field(
        50, ge=2, description="due webhooks of an endpoint up to which a replay or a back-fill adds some"
    )
    webhook_backfill_settle_seconds: float = Field(
        60, ge=0, description="how long a back-fill waits for events from before it that are published late"
    )

    @model_validator(mode="after")
    def _jobs_outlive_their_events(self) -> Self:
        # an event that is read again finds its job, and makes no second one
        retention_ms = Topic(EVENTS).retention_ms or 0
        if self.webhook_kept_days * DAY_MS < retention_ms + DAY_MS:
            raise ValueError("webhook_kept_days must be a day more than mail.events is kept")
        return self

    @model_validator(mode="after")
    def _lease_outlives_a_post(self) -> Self:
        # renewed every third of its length: one missed renewal must not give a running post to another process
        if self.webhook_lease_seconds < 2 * self.webhook_timeout_seconds:
            raise ValueError("webhook_lease_seconds must be at least twice webhook_timeout_seconds")
        return self
