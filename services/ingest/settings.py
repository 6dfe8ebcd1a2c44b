"""The settings of the ingest service."""

from __future__ import annotations

from pydantic import Field

from shared.settings import SharedSettings


class Settings(SharedSettings):
    """Read from the environment (`POSTHORN_…`)."""

    max_body_bytes: int = Field(25 * 1024 * 1024, ge=1024, description="largest body of a sending request")
    expires_hours: float = Field(48, gt=0, le=168, description="life of a message whose request names no expires_at")
    idempotency_hours: float = Field(24, gt=0, description="how long an Idempotency-Key is held")
