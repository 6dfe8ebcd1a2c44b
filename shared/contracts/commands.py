"""`mail.commands`: what is asked of whoever owns a message."""

from __future__ import annotations

from enum import StrEnum

from shared.contracts.messages import Message
from shared.contracts.record import Record, Timestamp


class CommandType(StrEnum):
    CANCEL = "cancel"
    EXPIRE = "expire"
    BOUNCE = "bounce"


class Command(Record):
    """A command with the identity it needs: its target may never have arrived at the one who acts on it.

    A bounce says who asked for it (`by`) and why (`text`).
    """

    command_id: str
    type: CommandType
    occurred_at: Timestamp
    message: Message
    by: str | None = None
    text: str | None = None
