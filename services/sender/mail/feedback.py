"""Feedback-ID, by which mailbox providers group the complaints that they count for a sender (Gmail's feedback loop)."""

from __future__ import annotations

import re

from shared.contracts.messages import Message
from shared.mail.headers import field

LONGEST_PART = 40
_OTHER = re.compile(r"[^A-Za-z0-9._-]+")


def feedback_field(message: Message, sender_id: str) -> bytes:
    """The field of a message: at most four parts, the one that is constant for the platform, `sender_id`, last.

    Before it stand the first tag where there is one, the stream, and the workspace by the last twelve digits of its
    id, which are random.
    """
    parts = [*message.tags[:1], str(message.stream), message.workspace_id.rpartition("-")[2]]
    return field("Feedback-ID", ":".join([*filter(None, map(_shown, parts)), sender_id]))


def _shown(part: str) -> str:
    """A part has no colon, and nothing that would be encoded or folded."""
    return _OTHER.sub("-", part)[:LONGEST_PART].strip("-")
