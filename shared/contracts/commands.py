"""`mail.commands`: what is asked of whoever owns a message, and the erasures that are asked of everybody."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Self

from shared.contracts.erasures import Erase, Erased
from shared.contracts.messages import Message
from shared.contracts.record import NewerRecordError, Record, Timestamp


class CommandType(StrEnum):
    CANCEL = "cancel"
    EXPIRE = "expire"
    BOUNCE = "bounce"


class Command(Record):
    """A command with the identity it needs: its target may never have arrived at the one who acts on it.

    A bounce says who asked for it (`by`) and why (`text`); so does a cancellation that no caller asked for.
    """

    newer_by: ClassVar[str] = "type"

    command_id: str
    type: CommandType
    occurred_at: Timestamp
    message: Message
    by: str | None = None
    text: str | None = None


class Asked(Record):
    """Whatever stands on `mail.commands`: one of the three."""

    command: Command | None = None
    erase: Erase | None = None
    erased: Erased | None = None

    @classmethod
    def decode(cls, value: bytes) -> Self:
        """Reads the record that its `type` says; raises pydantic.ValidationError where it does not fit,
        NewerRecordError where a newer Posthorn asks for more."""
        match _Typed.decode(value).type:
            case "erase":
                return cls(erase=Erase.decode(value))
            case "erased":
                return cls(erased=Erased.decode(value))
            case type_ if type_ in list(CommandType):
                return cls(command=Command.decode(value))
        raise NewerRecordError(cls.__name__)


class _Typed(Record):
    type: str
