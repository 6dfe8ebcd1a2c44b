"""What the OpenAPI document says of endpoints."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel

from services.webhooks.event_types import WebhookType
from services.webhooks.request_rules import Method
from services.webhooks.signing_secrets import Style

NEW_ENDPOINT = {
    "url": "https://example.com/hooks/mail",
    "name": "order service",
    "events": ["email.delivered", "email.bounced"],
    "concurrency": 5,
    "headers": {"authorization": "Bearer 5a1f…"},
}
CHANGES = {"events": ["email.bounced", "email.complained"], "enabled": True}
ROTATION = {"overlap_hours": 24}


class EndpointView(BaseModel):
    """An endpoint; without `events` it gets every type but email.accepted.

    `disabled_reason` is ours, or null: `gone` after a 410, `failing` after days of nothing but failures.
    `previous_secret_until` is how long the secret before a rotation signs too. `public_keys` verify the signatures of
    the style ed25519, the newest first. `warnings` tell what does not hinder us, but may hinder its webhooks.
    """

    id: str
    url: str
    name: str
    events: list[WebhookType]
    description: str
    enabled: bool
    disabled_reason: str | None
    concurrency: int
    rate: int
    timeout_seconds: float
    signature: Style
    public_keys: list[str]
    previous_secret_until: AwareDatetime | None
    method: Method
    headers: dict[str, str]
    query: dict[str, str]
    body: str | None
    warnings: list[str]
    created_at: AwareDatetime


class NewEndpointView(EndpointView):
    """`secret` is shown this once; null in the style ed25519, whose private key stays here."""

    secret: str | None


class EndpointPage(BaseModel):
    data: list[EndpointView]
    has_more: bool
    next_cursor: str | None
