"""Feedback-ID, by which mailbox providers group the complaints that they count for a sender (Gmail's feedback loop)."""

from __future__ import annotations

import re

from services.sender.mail.canonical import fields_of
from shared.contracts.messages import Message
from shared.mail.headers import field

LONGEST_PART = 40
_OTHER = re.compile(r"[^A-Za-z0-9._-]+")


def feedback_field(header: bytes, message: Message, sender_id: str | None) -> bytes:
    """The field to put before a message's header; nothing where it has one, or was signed without ours in it.

    At most four parts, the constant one last, as Gmail asks for: first tag, stream, workspace, `sender_id`. A workspace
    is told by the last twelve digits of its id, which are random.
    """
    if sender_id is None or {"feedback-id", "dkim-signature"} & fields_of(header).keys():
        return b""
    workspace = message.workspace_id.rpartition("-")[2]
    parts = [*message.tags[:1], str(message.stream), workspace]
    return field("Feedback-ID", ":".join([*(shown for part in parts if (shown := _shown(part))), sender_id]))


def _shown(part: str) -> str:
    """A part has no colon, and nothing that would be encoded or folded."""
    return _OTHER.sub("-", part).strip("-")[:LONGEST_PART]
