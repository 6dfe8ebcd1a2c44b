"""Messages, events and settings of these tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.suppression.settings import Settings
from shared.contracts.events import Event, EventType, event_of
from shared.contracts.messages import Message
from tests.fixtures.messages import a_message

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECRETS = dict.fromkeys(("pepper", "token_key", "encryption_key"), "A" * 43 + "=")


def message(**changes: Any) -> Message:
    return a_message(**{"accepted_at": NOW, "message_id": "m1", "recipient": "Ann@b.example", **changes})


def event(type_: EventType, at: datetime = NOW, id_: str = "m1", **data: Any) -> Event:
    return event_of(message(message_id=id_), type_, at, data)


def settings(**overrides: Any) -> Settings:
    return Settings(**SECRETS, **overrides)
