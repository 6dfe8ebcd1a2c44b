"""What the door says: every reply with its enhanced status code (RFC 5321 section 4.2, RFC 2034, RFC 3463)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from shared.errors import ProblemError

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
HELP = Reply(214, "2.0.0", "EHLO STARTTLS AUTH MAIL RCPT DATA RSET NOOP QUIT (RFC 5321, RFC 6409)")
CANNOT_VERIFY = Reply(252, "2.0.0", "addresses are not verified; mail to them is tried")
LOGGED_IN = Reply(235, "2.7.0", "authenticated")
GO_AHEAD = Reply(354, None, "end with <CR><LF>.<CR><LF>")

TOO_MANY_CONNECTIONS = Reply(421, "4.7.0", "too many connections, please come back later", close=True)
STOPPING = Reply(421, "4.3.2", "the service is stopping, please come back", close=True)
TOO_SLOW = Reply(421, "4.4.2", "nothing was heard for too long", close=True)
BROKEN = Reply(421, "4.3.0", "something went wrong on our side, please come back", close=True)
TOO_MANY_ERRORS = Reply(421, "4.7.0", "too many errors", close=True)
TOO_MANY_COMMANDS = Reply(421, "4.7.0", "too many commands without a message", close=True)
TOO_MANY_LOGINS = Reply(421, "4.7.0", "too many failed logins", close=True)
TRY_AGAIN = Reply(451, "4.3.0", "this cannot be done now, please try again")
TOO_FAST = Reply(451, "4.3.0", "messages come faster than the limit of this login or workspace, please slow down")
LOGIN_UNAVAILABLE = Reply(454, "4.7.0", "logins cannot be checked now, please try again")
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
TLS_FIRST = Reply(530, "5.7.0", "must issue a STARTTLS command first")
TLS_FOR_AUTH = Reply(538, "5.7.11", "encryption is required: issue STARTTLS first")
LOGIN_FIRST = Reply(530, "5.7.0", "authentication required")
LOGIN_WRONG = Reply(535, "5.7.8", "user name or password is wrong")
LOGIN_CANCELED = Reply(501, "5.7.0", "authentication cancelled")
NOT_BASE64 = Reply(501, "5.5.2", "this is not base64")
MECHANISM_UNKNOWN = Reply(504, "5.5.4", "the mechanisms are PLAIN and LOGIN")
TOO_LARGE = Reply(552, "5.3.4", "the message is over the size limit")
NOT_A_SENDER = Reply(550, "5.7.1", "the sender is no verified sender of this workspace, nor of a verified domain")
UTF8_ADDRESS = Reply(553, "5.6.7", "this workspace may not send to or from addresses outside ASCII")


def syntax(form: str) -> Reply:
    """501 for arguments that are not of this form."""
    return Reply(501, "5.5.4", f"syntax: {form}")


def of_problem(problem: ProblemError) -> Reply:
    """The core's refusal in SMTP's terms: what may pass later is 4xx (RFC 5321 section 4.2.1)."""
    codes = {fault.code for fault in problem.errors}
    text = problem.errors[0].detail if problem.errors else problem.detail
    if problem.status == 429 and problem.code == "quota_exceeded":
        return Reply(452, "4.7.1", text)
    if problem.status in (409, 429) or problem.status >= 500:
        return Reply(451, "4.3.0", text)
    if problem.status == 413:
        return Reply(552, "5.3.4", text)
    if problem.status == 403 or "sender_not_verified" in codes:
        return Reply(550, "5.7.1", text)
    return Reply(550, "5.6.0", text)
