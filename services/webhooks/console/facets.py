"""What the fields of the pages offer: values of the API, and how they read."""

from __future__ import annotations

from typing import get_args

from services.webhooks.event_types import DISABLED, TEST, WebhookType
from services.webhooks.request_rules import Method
from services.webhooks.signing_secrets import Style
from services.webhooks.states import DeliveryState

Options = list[tuple[str, str]]

STATES: Options = [("", "any"), *((str(state), str(state)) for state in DeliveryState)]
EVENTS: Options = [("", "any"), *((value, value) for value in get_args(WebhookType))]
METHODS: Options = [(value, value) for value in get_args(Method)]
STYLES: Options = [
    (Style.STANDARD, "Standard Webhooks (HMAC-SHA256)"),
    (Style.ED25519, "Standard Webhooks (Ed25519)"),
    (Style.LEADPUSH, "Leadpush"),
    (Style.SENDY, "Sendy"),
]
REPLAYED: Options = [("failed", "those that failed or were canceled"), ("all", "all that have ended")]
ABOUT = {
    "email.accepted": "only where it is ticked",
    DISABLED: "another endpoint was disabled by Posthorn",
}
ANY_TYPES = [(value, value, None, True) for value in get_args(WebhookType)]
TYPES = [(value, value, ABOUT.get(value), True) for value in get_args(WebhookType) if value != TEST]
