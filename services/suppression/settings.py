"""Settings of the suppression service."""

from __future__ import annotations

from pydantic import Field

from shared.settings import SharedSettings


class Settings(SharedSettings):
    """How long what a bounce taught counts, from when it occurred. What somebody asked for never expires: complaints,
    unsubscriptions, manual entries, erasures."""

    suppression_hard_bounce_days: float | None = Field(
        None, gt=0, description="days that an unknown mailbox stays suppressed; none: for good"
    )
    suppression_inactive_days: float | None = Field(
        90, gt=0, description="days that a disabled mailbox stays suppressed; none: for good"
    )
    suppression_invalid_domain_days: float | None = Field(
        30, gt=0, description="days that an address without a mail domain stays suppressed (domains come back)"
    )
    suppression_soft_days: float = Field(
        7,
        gt=0,
        description="days that an address stays suppressed whose mailbox was full, or whose host was away, again",
    )
    suppression_full_messages: int = Field(
        3, ge=2, le=10, description="messages that a full mailbox ends before the address is suppressed for a while"
    )
    suppression_full_days: float = Field(14, gt=0, description="days within which they end")
    suppression_unreachable_messages: int = Field(
        3, ge=2, le=10, description="messages that expire without a connection before the address is suppressed a while"
    )
    suppression_unreachable_days: float = Field(30, gt=0, description="days within which they expire")
    suppression_hit_days: float = Field(90, gt=0, description="days that a record of each stopped message is kept")
    erasure_topics_hours: float = Field(
        181, gt=0, description="hours that Kafka may keep a record: the topics' retention, a segment's length, and one"
    )
    erasure_ask_again_seconds: float = Field(
        300, gt=0, description="how often a service is asked again for an erasure that it has not confirmed"
    )
