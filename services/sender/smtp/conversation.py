"""One message over one connection: MAIL, RCPT, DATA, the body, the final dot (RFC 5321 section 3.3)."""

from __future__ import annotations

import logging
import re

from services.sender.smtp.body import cut_off, send_body
from services.sender.smtp.connection import Connection, EndedError
from services.sender.smtp.outcomes import Abandoned, BounceClass, Bounced, Failed, Outcome, Scope, Stage
from services.sender.smtp.replies import Reply
from services.sender.smtp.transaction import AfterDot, BeforeDot, Envelope, Transaction
from services.sender.smtp.verdicts import Lost
from services.sender.smtp.wire import LostError
from shared.failpoints import reach
from shared.mail.lines import check_lines

_log = logging.getLogger(__name__)
EARLY_SECONDS = 10.0
_NOT_IN_PATH = re.compile(r"[\x00-\x20\x7f<>]")


class _ImpatientError(Exception):
    """The transaction before this one has its reply still to come."""


async def deliver(connection: Connection, transaction: Transaction) -> Outcome | Abandoned:
    """Says a transaction over a connection that is its own, or in the place of it that `transaction.behind` holds.

    The result is `Abandoned`, and the connection cut, where `before_dot` returns False or raises; also where what was
    begun behind another would have to wait long for the reply to that one. What the peer does is an outcome, never an
    exception; raises ValueError for a message that `check_lines` refuses. One that is read in blocks may raise that,
    and whatever its reading raises, in the middle of the body: the connection is cut before the dot.
    """
    envelope, message = transaction.envelope, transaction.message
    if isinstance(message, bytes):
        check_lines(message)
    refused = _refused_here(connection, envelope)
    if refused is not None:
        return connection.signed(refused)
    connection.deliveries += 1
    try:
        await _begin(connection, envelope)
        reach("sender.begun")
        await send_body(connection, message, envelope.size)
        reach("sender.sent_body")
        if not await _allowed(transaction.before_dot):
            connection.drop()
            return Abandoned()
        reply = await _end(connection, transaction.after_dot)
        reach("sender.replied")
    except _ImpatientError:
        return Abandoned()
    except EndedError as ended:
        outcome = connection.outcome(ended)
        if ended.reply is None:
            connection.drop()
        return outcome
    except BaseException:
        if not _waits(connection):
            connection.drop()
        raise
    return connection.outcome(EndedError(Stage.DOT, reply))


def _waits(connection: Connection) -> bool:
    """Whether another transaction still waits for its reply: then the connection is left to it, and to be cut by it."""
    if connection.behind is None or connection.behind.is_over:
        return False
    connection.behind.leave()
    return True


def _refused_here(connection: Connection, envelope: Envelope) -> Outcome | None:
    """What the peer has already said no to, or what cannot be said in a command."""
    if _NOT_IN_PATH.search(envelope.mail_from) or _NOT_IN_PATH.search(envelope.rcpt_to):
        text = "an envelope address holds a control character, a space or an angle bracket"
        return Failed(stage=Stage.MAIL, text=text, class_=BounceClass.PROTOCOL, scope=Scope.MESSAGE)
    limit = connection.extensions.get("size", "")
    if limit.isascii() and limit.isdigit() and 0 < int(limit) < envelope.size:
        text = f"the message of {envelope.size} bytes is over the host's limit of {limit} (RFC 1870)"
        return _bounced(552, "5.3.4", text, BounceClass.MESSAGE_TOO_LARGE, "announced-size")
    if _needs_utf8(envelope) and "smtputf8" not in connection.extensions:
        text = "the host does not offer SMTPUTF8 (RFC 6531)"
        return _bounced(553, "5.6.7", text, BounceClass.CONTENT_REJECTED, "no-smtputf8")
    if envelope.eight_bit and "8bitmime" not in connection.extensions:
        text = "the host does not offer 8BITMIME (RFC 6152)"
        return _bounced(554, "5.6.3", text, BounceClass.CONTENT_REJECTED, "no-8bitmime")
    return None


def _bounced(code: int, enhanced: str, text: str, class_: BounceClass, rule: str) -> Bounced:
    return Bounced(
        stage=Stage.MAIL,
        code=code,
        enhanced=enhanced,
        text=text,
        class_=class_,
        hard=True,
        scope=Scope.MESSAGE,
        rule=rule,
    )


def _needs_utf8(envelope: Envelope) -> bool:
    return envelope.smtputf8 or not (envelope.mail_from.isascii() and envelope.rcpt_to.isascii())


async def _begin(connection: Connection, envelope: Envelope) -> None:
    """MAIL, RCPT and DATA up to 354, in one write where the peer takes that (RFC 2920). Raises EndedError."""
    timeouts = connection.timeouts
    if connection.needs_reset:
        await _reset(connection)
    mail = f"MAIL FROM:<{envelope.mail_from}>"
    if "size" in connection.extensions:
        mail += f" SIZE={envelope.size}"
    if envelope.eight_bit:
        mail += " BODY=8BITMIME"
    if _needs_utf8(envelope):
        mail += " SMTPUTF8"
    rcpt = f"RCPT TO:<{envelope.rcpt_to}>"
    if envelope.notifications is not None and "dsn" in connection.extensions:
        mail += envelope.notifications.of_mail()
        rcpt += envelope.notifications.of_rcpt(envelope.rcpt_to)
    commands = (
        (Stage.MAIL, mail, timeouts.mail),
        (Stage.RCPT, rcpt, timeouts.rcpt),
        (Stage.DATA, "DATA", timeouts.data),
    )
    pipelined = "pipelining" in connection.extensions
    connection.transcript.start()
    if pipelined:
        connection.put(Stage.MAIL, *(command for _, command, _ in commands))
    early = await _stand_behind(connection)
    for stage, command, timeout in commands:
        if not pipelined:
            connection.put(stage, command)
        # one that came too early may have been thrown away
        reply = await connection.hear(stage, min(timeout, EARLY_SECONDS) if early else timeout, command)
        if stage is Stage.DATA and reply.code == 354:
            return
        if stage is Stage.DATA or not reply.positive:
            if pipelined:
                await _unwind(connection, stage)
            raise _refusal(connection, stage, reply)
        connection.needs_reset = True


async def _stand_behind(connection: Connection) -> bool:
    """Waits until the transaction before this one, if there is any, has had its reply. Raises _ImpatientError."""
    behind = connection.behind
    if behind is None:
        return False
    behind.said()
    if not await behind.wait():
        behind.leave()
        raise _ImpatientError
    connection.behind = None
    connection.transcript.start()
    return True


def _refusal(connection: Connection, stage: Stage, reply: Reply) -> EndedError:
    if stage is Stage.DATA and reply.positive:
        # The peer may now take the message for commands or commands for the message.
        return connection.lost(stage, Lost.MALFORMED, f"{reply.code} in reply to DATA")
    return EndedError(stage, reply)


async def _reset(connection: Connection) -> None:
    """Ends the transaction that failed before this one; only then, as some hosts count RSET as junk."""
    reply = await connection.ask(Stage.MAIL, "RSET", connection.timeouts.reset)
    if not reply.positive:
        raise connection.lost(Stage.MAIL, Lost.MALFORMED, f"{reply.code} in reply to RSET")
    connection.needs_reset = False


async def _unwind(connection: Connection, refused: Stage) -> None:
    """Reads what the rest of a pipelined group is answered with, after the verdict fell at `refused`.

    A peer that answers DATA with 354 although it accepted no recipient waits for a message: it gets an empty one, which
    it must refuse (RFC 2920 section 3.1). Whatever goes wrong here only costs the connection.
    """
    try:
        for stage in {Stage.MAIL: (Stage.RCPT, Stage.DATA), Stage.RCPT: (Stage.DATA,)}.get(refused, ()):
            reply = await connection.hear(stage, connection.timeouts.reset, None)
            if stage is Stage.DATA and reply.code == 354:
                connection.wire.send_final_dot()
                await connection.hear(Stage.DATA, connection.timeouts.reset, ".")
                connection.needs_reset = False
    except (EndedError, LostError):
        connection.drop()


async def _allowed(before_dot: BeforeDot) -> bool:
    """Whether the dot may leave. Not to know is no: whoever holds the lease then sends the message."""
    try:
        return await before_dot()
    except Exception:
        _log.warning("the lease could not be checked before the final dot", exc_info=True)
        return False


async def _end(connection: Connection, after_dot: AfterDot) -> Reply:
    """The final dot and its reply. Raises EndedError; at stage `dot` without a reply, nobody knows who owns it."""
    connection.transcript.start()
    # A peer that has spoken, or gone, before the dot has given the message up: without the dot it cannot own it.
    if not connection.wire.quiet:
        raise cut_off(connection, None, "the peer ended the conversation before the final dot")
    try:
        connection.wire.send_final_dot()
    except LostError as error:
        raise cut_off(connection, None, str(error)) from error
    connection.needs_reset = False
    reach("sender.dotted")
    if connection.may_be_followed:
        connection.followed = after_dot(connection)
    return await connection.hear(Stage.DOT, connection.timeouts.dot, ".")
