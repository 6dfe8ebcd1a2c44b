"""One conversation at the return door (RFC 5321): whoever comes may leave mail for addresses that we have given out.

It relays nothing and knows nobody else; a connection without TLS is as good as one with it, as on any port 25.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from pymongo.errors import PyMongoError

from services.sender.returns.addresses import Return, ReturnKind
from services.sender.returns.receiver import Receiver
from services.sender.settings import Settings
from shared.smtp import replies
from shared.smtp.commands import MAIL_FORM, RCPT_FORM, CommandError, declared_size, read_path
from shared.smtp.dialogue import WITHOUT_ARGUMENT, Dialogue, Door
from shared.smtp.replies import Reply
from shared.smtp.wire import HungUpError, Wire

MOST_RECIPIENTS = 10
NO_PARAMETERS = Reply(555, "5.5.4", "RCPT takes no parameters here")
CANNOT_VERIFY = Reply(252, "2.0.0", "addresses are not verified; mail to them is tried")
log = structlog.get_logger(__name__)
Answer = Callable[["Session", str], Awaitable[Reply]]


@dataclass(slots=True)
class Transaction:
    """One message's envelope as it comes together; a recipient of None takes complaints."""

    sender: str
    recipients: list[Return | None] = field(default_factory=list)

    @property
    def is_reply(self) -> bool:
        return any(each is not None and each.kind is ReturnKind.REPLY for each in self.recipients)


class Session:
    """Leads the conversation on one wire to its end."""

    def __init__(self, wire: Wire, door: Door, receiver: Receiver, settings: Settings) -> None:
        self._wire = wire
        self._door = door
        self._receiver = receiver
        self._settings = settings
        self._tls = self._greeted = False
        self._transaction: Transaction | None = None
        self._dialogue = Dialogue(wire, door, frozenset(COMMANDS), self._answer)

    async def run(self) -> None:
        """Never raises for what a client can do."""
        try:
            await self._dialogue.run(self._after)
        except HungUpError:
            return
        except Exception as error:
            log.exception("a conversation at the return door failed", error=type(error).__name__)
            self._wire.say(replies.BROKEN)

    async def _after(self, reply: Reply) -> None:
        if reply is replies.READY_FOR_TLS:
            assert self._door.certificate is not None
            await self._wire.start_tls(self._door.certificate.context, self._door.tls_seconds)
            # nothing that was said in the clear counts any more (RFC 3207 section 4.2)
            self._tls, self._greeted, self._transaction = True, False, None

    async def _answer(self, verb: str, argument: str) -> Reply:
        if verb in WITHOUT_ARGUMENT and argument.strip():
            return replies.syntax(verb)
        return await COMMANDS[verb](self, argument)

    async def _ehlo(self, argument: str) -> Reply:
        if not argument.strip():
            return replies.syntax("EHLO name")
        self._greeted, self._transaction = True, None
        # no SIZE: a report is read as far as it matters, however long it is
        offered = ["8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8"]
        if self._door.certificate is not None and not self._tls:
            offered.append("STARTTLS")
        return Reply(250, None, self._door.hostname, extensions=tuple(offered))

    async def _helo(self, argument: str) -> Reply:
        if not argument.strip():
            return replies.syntax("HELO name")
        self._greeted, self._transaction = True, None
        return Reply(250, None, self._door.hostname)

    async def _starttls(self, argument: str) -> Reply:
        if self._door.certificate is None:
            return replies.NOT_OFFERED
        return replies.OUT_OF_ORDER if self._tls or not self._greeted else replies.READY_FOR_TLS

    async def _mail(self, argument: str) -> Reply:
        if not self._greeted or self._transaction is not None:
            return replies.OUT_OF_ORDER
        path = read_path("FROM", argument, MAIL_FORM)
        declared_size(path)
        self._transaction = Transaction(path.address)
        return replies.SENDER_OK

    async def _rcpt(self, argument: str) -> Reply:
        transaction = self._transaction
        if transaction is None:
            return replies.OUT_OF_ORDER
        path = read_path("TO", argument, RCPT_FORM)
        if path.parameters:
            raise CommandError(NO_PARAMETERS)
        if len(transaction.recipients) >= MOST_RECIPIENTS:
            return replies.TOO_MANY_RECIPIENTS
        try:
            admitted = await self._receiver.admit(path.address)
        except PyMongoError as error:
            log.warning("database away", error=type(error).__name__)
            return replies.TRY_AGAIN
        if isinstance(admitted, Reply):
            return admitted
        transaction.recipients.append(admitted)
        return replies.RECIPIENT_OK

    async def _data(self, argument: str) -> Reply:
        transaction = self._transaction
        if transaction is None:
            return replies.OUT_OF_ORDER
        if not transaction.recipients:
            return replies.NO_RECIPIENTS
        self._dialogue.say(replies.GO_AHEAD)
        self._transaction = None
        self._wire.deadline = asyncio.get_running_loop().time() + self._door.data_seconds
        settings, is_reply = self._settings, transaction.is_reply
        most = settings.returns_reply_bytes if is_reply else settings.returns_report_bytes
        try:
            content = await self._wire.content(most, cuts=not is_reply)
            self._wire.deadline = None
            if self._wire.pending:
                return replies.NOT_YOUR_TURN
            if content is None:
                return replies.NO_ROOM if self._wire.over_budget else replies.TOO_LARGE
            reply = await self._receiver.take(transaction.recipients, transaction.sender, content)
        finally:
            self._wire.release()
        if reply.code != 250:
            return reply
        self._dialogue.forgive()
        if self._wire.pending:
            self._wire.say(reply)  # it is stored: whatever came too early since, its sender has to know
            return replies.NOT_YOUR_TURN
        return reply

    async def _rset(self, argument: str) -> Reply:
        self._transaction = None
        return replies.OK

    async def _noop(self, argument: str) -> Reply:
        return replies.OK

    async def _vrfy(self, argument: str) -> Reply:
        return CANNOT_VERIFY

    async def _quit(self, argument: str) -> Reply:
        return replies.BYE


COMMANDS: dict[str, Answer] = {
    "EHLO": Session._ehlo,
    "HELO": Session._helo,
    "STARTTLS": Session._starttls,
    "MAIL": Session._mail,
    "RCPT": Session._rcpt,
    "DATA": Session._data,
    "RSET": Session._rset,
    "NOOP": Session._noop,
    "VRFY": Session._vrfy,
    "QUIT": Session._quit,
}
