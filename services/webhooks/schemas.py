"""What the OpenAPI document says of endpoints and their attempts."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel

from services.webhooks.event_types import WebhookType
from services.webhooks.outcomes import JobState

NEW_ENDPOINT = {
    "url": "https://example.com/hooks/mail",
    "events": ["email.delivered", "email.bounced"],
    "description": "order service",
}
CHANGES = {"events": ["email.bounced", "email.complained"], "enabled": True}


class EndpointView(BaseModel):
    """An endpoint; without `events` it gets every type but email.accepted. `disabled_reason` is ours, or null."""

    id: str
    url: str
    events: list[WebhookType]
    description: str
    enabled: bool
    disabled_reason: str | None
    created_at: AwareDatetime


class NewEndpointView(EndpointView):
    """`secret` is shown this once (Standard Webhooks: `whsec_` and base64)."""

    secret: str


class EndpointPage(BaseModel):
    data: list[EndpointView]
    has_more: bool
    next_cursor: str | None


class AttemptView(BaseModel):
    """One post: the `status` of the reply, null where none came and `error` says why, and an excerpt of it."""

    id: str
    message_id: str
    event_id: str
    event_type: WebhookType
    attempt: int
    state: JobState
    status: int | None
    error: str | None
    ms: int
    excerpt: str
    occurred_at: AwareDatetime
    next_at: AwareDatetime | None


class AttemptPage(BaseModel):
    data: list[AttemptView]
    has_more: bool
    next_cursor: str | None
