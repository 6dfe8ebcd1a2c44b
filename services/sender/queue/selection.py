"""Which messages an operation is about. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.addresses import domain_of
from shared.contracts.messages import Message

PARTS = ("workspace", "transport", "rollup", "domain")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a message is selected by. `transport` and `rollup` are empty while it has no route."""

    message: str
    workspace: str
    domain: str
    transport: str = ""
    rollup: str = ""


def facts_of(message: Message) -> Facts:
    """The facts of a message as it was routed last."""
    transport, rollup = (message.route.transport, message.route.rollup) if message.route else ("", "")
    return Facts(message.message_id, message.workspace_id, domain_of(message.recipient), transport, rollup)


@dataclass(frozen=True, slots=True)
class Selection:
    """The messages that have all of what is named here; nothing named means every message.

    `messages` are ids; `rollup` is what the recipients' mail hosts have in common (a route's), `domain` that of the
    recipients.
    """

    messages: frozenset[str] | None = None
    workspace: str | None = None
    transport: str | None = None
    rollup: str | None = None
    domain: str | None = None

    def matches(self, facts: Facts) -> bool:
        if self.messages is not None and facts.message not in self.messages:
            return False
        return all(wanted in (None, getattr(facts, part)) for part, wanted in self.parts())

    def parts(self) -> list[tuple[str, str | None]]:
        """The parts beside the ids, by name."""
        return [(part, getattr(self, part)) for part in PARTS]

    def names(self, other: Selection) -> bool:
        """Whether this one names all that `other` does, and so is within it; ids are no part of this."""
        return all(wanted in (None, getattr(self, part)) for part, wanted in other.parts())

    def as_document(self) -> dict[str, Any]:
        """As it is stored and shown: only what is named."""
        named = {part: value for part, value in self.parts() if value is not None}
        return named if self.messages is None else {"messages": sorted(self.messages), **named}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Selection:
        """From what `as_document` gave."""
        messages = document.get("messages")
        return cls(None if messages is None else frozenset(messages), **{each: document.get(each) for each in PARTS})
