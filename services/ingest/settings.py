"""The settings of the ingest service."""

from __future__ import annotations

from pydantic import Field

from shared.settings import SharedSettings


class Settings(SharedSettings):
    """Read from the environment (`POSTHORN_…`)."""

    max_body_bytes: int = Field(25 * 1024 * 1024, ge=1024, description="largest body of a sending request")
    expires_hours: float = Field(48, gt=0, le=168, description="life of a message whose request names no expires_at")
    answer_seconds: float = Field(10, gt=0, description="how long a sending request waits for the database before 503")
    idempotency_hours: float = Field(24, gt=0, description="how long an Idempotency-Key is held")

    http_replicas: int = Field(1, ge=1, description="processes with the role http; each has its part of the limits")
    key_rate_limit: int = Field(
        300_000, ge=1, description="requests a minute of one API key, where it has no own limit"
    )
    workspace_rate_limit: int = Field(
        600_000, ge=1, description="requests a minute of all keys of a workspace together"
    )
    quota_block: int = Field(
        1_000, ge=1, description="recipients of a daily quota that a process takes at once, at most"
    )
    last_used_seconds: float = Field(60, gt=0, description="how often the last use of keys is written")
    audit_days: float = Field(400, gt=0, description="how long an entry of the audit log is kept")

    relay_critical_poll_ms: int = Field(20, ge=1, description="how often the idle relay of the critical lane looks")
    relay_standard_poll_ms: int = Field(50, ge=1, description="how often the idle relay of the standard lane looks")
    relay_batch: int = Field(500, ge=1, description="messages that the relay publishes at once")
    relay_unread_max: int = Field(20_000, ge=1, description="unread records downstream at which a lane's relay waits")
    relay_lag_seconds: float = Field(0.25, gt=0, description="how often the records unread downstream are counted")
    relay_lease_seconds: float = Field(10, gt=0, description="how soon another process takes over from a lost relay")
    sweep_first_seconds: float = Field(900, gt=0, description="first look at what became of a publication")
    sweep_longest_seconds: float = Field(21_600, gt=0, description="longest wait between two such looks; they double")
