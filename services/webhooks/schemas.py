"""What the OpenAPI document says of endpoints."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel

from services.webhooks.event_types import WebhookType

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
