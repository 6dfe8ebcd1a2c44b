"""`webhook.events`: one record for each attempt at a customer's endpoint."""

from __future__ import annotations

from shared.contracts.record import Record, Timestamp


class WebhookAttempt(Record):
    """One posted webhook. `status` is None where no HTTP reply came; `excerpt` is at most 4 KiB of the reply.

    `address_hmac` is that of the message's recipient."""

    attempt_id: str
    message_id: str
    workspace_id: str
    event_id: str
    event_type: str
    endpoint_id: str
    method: str = "POST"
    address_hmac: str | None = None
    url: str
    attempt: int
    status: int | None = None
    error: str | None = None
    ms: int
    ok: bool
    next_at: Timestamp | None = None
    occurred_at: Timestamp
    excerpt: str = ""
    trace: str | None = None
