"""A mail transaction (RFC 5321 section 3.3): the envelope, the message, and who is asked while it goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.sender.smtp.behind import Behind
from services.sender.smtp.body import Blocks
from services.sender.smtp.connection import Connection
from services.sender.smtp.notifications import Notifications

BeforeDot = Callable[[], Awaitable[bool]]
AfterDot = Callable[[Connection], Behind | None]


def nobody(connection: Connection) -> Behind | None:
    """Nobody goes on behind a transaction."""
    return None


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who it is from (empty: the null path) and for. `size` is the message's bytes, before dot-stuffing; `eight_bit`
    says that some of them are not ASCII (RFC 6152), `notifications` what a host that offers it is asked to report."""

    mail_from: str
    rcpt_to: str
    size: int
    smtputf8: bool = False
    eight_bit: bool = False
    notifications: Notifications | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """One message for one recipient, CRLF lines, the last one ended; its bytes reach the peer as they are.

    `before_dot` is awaited when everything but the final dot was sent: the dot is sent only if it returns True. When
    that has left, `after_dot` says who goes on behind it while its reply is due (RFC 2920 section 3.1). `behind` is the
    place in which this one begins behind another.
    """

    envelope: Envelope
    message: bytes | Blocks
    before_dot: BeforeDot
    after_dot: AfterDot = nobody
    behind: Behind | None = None
