"""Bounces that are no delivery status notifications: prose of mail systems older than RFC 3464, or careless of it."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from email.message import Message

from flufl.bounce import all_failures

from services.sender.returns.automatic import is_daemon
from services.sender.returns.parts import Part

LONGEST_TEXT = 16 * 1024
LONGEST_LINE = 500  # the patterns of the library take time with the square of it
_REPLY = re.compile(
    r"(?<![\d.])(?P<code>4(?:21|5[0-4])|5(?:0[0-4]|2[13]|5[0-6]|71))[ -]"
    r"(?:[ #]?(?P<enhanced>[45]\.\d{1,3}\.\d{1,3})[ :]?)?(?P<text>[^\n]{0,300})"
)
_ENHANCED = re.compile(r"#(?P<enhanced>[45]\.\d{1,3}\.\d{1,3})\b")
_ADDRESS = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{1,255}")
# it tells the log of every detector, and of what it stumbles over with the message's words
logging.getLogger("flufl.bounce").disabled = True


@dataclass(frozen=True, slots=True)
class UnformattedBounce:
    """What could be found in the prose: the reply of a host (`code` None without one), else the words themselves.

    `delayed` says that it is not given up yet.
    """

    delayed: bool
    code: int | None
    enhanced: str
    text: str


def unformatted_bounce(message: Part, sender: str) -> UnformattedBounce | None:
    """The bounce that a message is; None where it is none. Only what a mail system sends is looked into."""
    named = message.has("x-failed-recipients")
    authors = _ADDRESS.findall(message.value("from")[:400])
    if not (named or is_daemon(sender) or any(map(is_daemon, authors))):
        return None
    try:
        temporary, permanent = all_failures(_for_library(message))
    except Exception:  # what it makes of hostile input is its own affair
        temporary, permanent = frozenset(), frozenset()
    if not (temporary or permanent or named):
        return None
    text = next((part.text(LONGEST_TEXT) for part in message.walk() if part.media_type == "text/plain"), "")
    reply, status = _REPLY.search(text), _ENHANCED.search(text)
    enhanced = (reply and reply["enhanced"]) or (status["enhanced"] if status else "")
    said = reply["text"].strip() if reply else " ".join(text[:300].split())
    delayed = bool(temporary and not permanent)
    return UnformattedBounce(delayed, int(reply["code"]) if reply else None, enhanced, said)


def _for_library(part: Part) -> Message:
    """The tree as the library wants it, its lines and texts within bounds."""
    made = Message()
    for name, value in part.fields:
        if name != "content-transfer-encoding":
            made[name] = value[:LONGEST_LINE]
    if part.parts:
        made.set_payload([_for_library(each) for each in part.parts])
    else:
        text = part.text(LONGEST_TEXT)
        made.set_payload("\n".join(line[:LONGEST_LINE] for line in text.split("\n")))
    return made
