"""What the OpenAPI document says of `/v1/activity`."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel


class LaneCounts(BaseModel):
    """How often it happened to messages of a lane: `delivered` to a host of the recipient's or a smart host, `deferred`
    for each attempt, `bounced` at once or after it was delivered."""

    accepted: int
    delivered: int
    deferred: int
    ambiguous: int
    bounced: int
    complained: int
    suppressed: int
    failed: int
    canceled: int


class Posts(BaseModel):
    """Attempts at webhooks: those that were heard, and those that were not."""

    ok: int
    failed: int


class ActivitySlot(BaseModel):
    """What happened from `at` on until the next slot begins."""

    at: AwareDatetime
    critical: LaneCounts
    standard: LaneCounts
    webhooks: Posts


class LaneRates(BaseModel):
    """The same as a rate by the minute."""

    accepted: float
    delivered: float
    deferred: float
    ambiguous: float
    bounced: float
    complained: float
    suppressed: float
    failed: float
    canceled: float


class Rates(BaseModel):
    """What happened of late, back to the beginning of a slot that is at least five minutes ago."""

    since: AwareDatetime
    until: AwareDatetime
    critical: LaneRates
    standard: LaneRates


class Target(BaseModel):
    """The share of critical messages that are to be begun with in so many seconds."""

    seconds: float
    share: float


class StillWaiting(BaseModel):
    """Critical messages that have waited for longer than the target without an attempt; `more` where they were not
    counted further."""

    count: int
    more: bool


class FirstAttempts(BaseModel):
    """Of the messages whose first attempt ended in that time, how long after their acceptance, or after they were due,
    it began. Quantiles are interpolated within a histogram; 300 stands for what is longer."""

    attempted: int
    in_time: int
    share: float | None
    p50_seconds: float | None
    p99_seconds: float | None


class CriticalLane(BaseModel):
    target: Target
    waiting: StillWaiting
    hour: FirstAttempts
    day: FirstAttempts


class ActivityReply(BaseModel):
    """The slots of the hours that were asked for, oldest first; the last one is under way."""

    slot_seconds: int
    data: list[ActivitySlot]
    per_minute: Rates
    critical_lane: CriticalLane
