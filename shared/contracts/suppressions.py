"""`suppression.changes`: an entry added or removed."""

from __future__ import annotations

from typing import Literal

from shared.contracts.record import Record, Timestamp


class SuppressionChange(Record):
    """A change to one address in one scope (`platform` or `workspace:<id>`); the address stands as its HMAC only."""

    change_id: str
    scope: str
    workspace_id: str | None = None
    address_hmac: str
    change: Literal["added", "removed"]
    reason: str
    occurred_at: Timestamp
