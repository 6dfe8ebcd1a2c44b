"""What health is judged by. Times are seconds."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from services.router.health.breaker import Policy
from services.router.health.reputation import Thresholds
from shared.settings import SharedSettings

SLOTS = 30


class HealthSettings(SharedSettings):
    """The router's settings of windows, breakers and reputations."""

    health_window_seconds: float = Field(
        300, ge=3, le=1800, description="a breaker looks at the attempts of this time; counted in thirtieths of it"
    )
    health_refresh_seconds: float = Field(
        2, gt=0, le=60, description="how often breakers are judged, and read by the processes that route"
    )
    breaker_least_attempts: int = Field(10, ge=1, description="a breaker opens for no fewer attempts within the window")
    breaker_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="share of attempts failed by the transport, or blocked, that opens a breaker",
    )
    breaker_first_seconds: float = Field(60, gt=0, description="how long a breaker is open at first; doubles each time")
    breaker_longest_seconds: float = Field(1800, gt=0, description="how long a breaker is open at most")
    breaker_successes: int = Field(3, ge=1, description="attempts that close a half-open breaker")
    breaker_rollups: int = Field(
        3, ge=1, description="a direct transport opens only where so many destinations cannot be reached any more"
    )
    complaint_warned: float = Field(
        0.001, gt=0, lt=1, description="share of complaints in 7 days above which a sending domain is warned"
    )
    complaint_poor: float = Field(
        0.003, gt=0, lt=1, description="share of complaints in 7 days above which a sending domain is poor"
    )
    complaint_least: int = Field(3, ge=1, description="fewer complaints in 7 days say nothing of a sending domain")
    complaint_least_accepted: int = Field(
        100, ge=1, description="a sending domain is not judged by less mail than that in 7 days"
    )
    reputation_seconds: float = Field(60, gt=0, description="how often the sending domains are judged")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.complaint_warned > self.complaint_poor:
            raise ValueError("complaint_warned must not be above complaint_poor")
        if self.breaker_first_seconds > self.breaker_longest_seconds:
            raise ValueError("breaker_first_seconds must not be above breaker_longest_seconds")
        return self

    @property
    def slot_width(self) -> timedelta:
        return timedelta(seconds=self.health_window_seconds / SLOTS)

    @property
    def breaking(self) -> Policy:
        return Policy(
            window=timedelta(seconds=self.health_window_seconds),
            least=self.breaker_least_attempts,
            share=self.breaker_share,
            first=timedelta(seconds=self.breaker_first_seconds),
            longest=timedelta(seconds=self.breaker_longest_seconds),
            successes=self.breaker_successes,
            rollups=self.breaker_rollups,
        )

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds(
            warned=self.complaint_warned,
            poor=self.complaint_poor,
            complaints=self.complaint_least,
            accepted=self.complaint_least_accepted,
        )
