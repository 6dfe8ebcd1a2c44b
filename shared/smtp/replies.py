"""What a door says: every reply with its enhanced status code (RFC 5321 section 4.2, RFC 2034, RFC 3463)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

LONGEST_TEXT = 400
_UNSAYABLE = re.compile(r"[^\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply. `enhanced` is None where RFC 2034 section 4 wants none; `close` ends the connection after it."""

    code: int
    enhanced: str | None
    text: str
    close: bool = False
    extensions: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """For metrics: codes alone, of which there are few."""
        return f"{self.code} {self.enhanced}" if self.enhanced else str(self.code)

    @lru_cache(maxsize=256)  # noqa: B019 - the same few constants again and again
    def encode(self) -> bytes:
        """As it goes on the wire: one line of ASCII, and one for each extension of a reply to EHLO."""
        text = _UNSAYABLE.sub(" ", self.text)[:LONGEST_TEXT]
        lines = [f"{self.enhanced} {text}" if self.enhanced else text, *self.extensions]
        marks = ["-"] * (len(lines) - 1) + [" "]
        return "".join(f"{self.code}{mark}{line}\r\n" for mark, line in zip(marks, lines, strict=True)).encode()


OK = Reply(250, "2.0.0", "ok")
SENDER_OK = Reply(250, "2.1.0", "ok")
RECIPIENT_OK = Reply(250, "2.1.5", "ok")
BYE = Reply(221, "2.0.0", "bye", close=True)
READY_FOR_TLS = Reply(220, "2.0.0", "ready to start TLS")
GO_AHEAD = Reply(354, None, "end with <CR><LF>.<CR><LF>")

TOO_MANY_CONNECTIONS = Reply(421, "4.7.0", "too many connections, please come back later", close=True)
STOPPING = Reply(421, "4.3.2", "the service is stopping, please come back", close=True)
TOO_SLOW = Reply(421, "4.4.2", "nothing was heard for too long", close=True)
BROKEN = Reply(421, "4.3.0", "something went wrong on our side, please come back", close=True)
TOO_MANY_ERRORS = Reply(421, "4.7.0", "too many errors", close=True)
TOO_MANY_COMMANDS = Reply(421, "4.7.0", "too many commands without a message", close=True)
TRY_AGAIN = Reply(451, "4.3.0", "this cannot be done now, please try again")
NO_ROOM = Reply(452, "4.3.1", "too much mail is being taken in at this moment, please try again")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "too many recipients for one message")

BARE_LINE_END = Reply(500, "5.5.2", "a command ends in <CR><LF> and holds no other control character", close=True)
LINE_TOO_LONG = Reply(500, "5.5.2", "the line is too long", close=True)
NOT_UTF8 = Reply(500, "5.5.2", "a command is ASCII, or UTF-8 where SMTPUTF8 is used")
UNKNOWN_COMMAND = Reply(500, "5.5.1", "unknown command")
NOT_OFFERED = Reply(502, "5.5.1", "this command is not offered here")
OUT_OF_ORDER = Reply(503, "5.5.1", "bad sequence of commands")
NOT_YOUR_TURN = Reply(503, "5.5.1", "a command came before the reply to the last one", close=True)
NO_RECIPIENTS = Reply(554, "5.5.1", "no valid recipients")
TOO_LARGE = Reply(552, "5.3.4", "the message is over the size limit")


def syntax(form: str) -> Reply:
    """501 for arguments that are not of this form."""
    return Reply(501, "5.5.4", f"syntax: {form}")
