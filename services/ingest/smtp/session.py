"""One SMTP conversation (RFC 5321, RFC 6409): each command is decoded, decided and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from pymongo.errors import PyMongoError

from services.ingest.smtp import replies
from services.ingest.smtp.authentication import Authentication
from services.ingest.smtp.commands import recipient_address, sender_address
from services.ingest.smtp.parts import Parts
from shared.auth import Principal
from shared.errors import ProblemError
from shared.smtp import replies as said
from shared.smtp.commands import MAIL_FORM, RCPT_FORM, declared_size, read_path
from shared.smtp.dialogue import WITHOUT_ARGUMENT, Dialogue
from shared.smtp.replies import Reply
from shared.smtp.wire import HungUpError, Wire

log = structlog.get_logger(__name__)
Answer = Callable[["Session", str], Awaitable[Reply]]


@dataclass(slots=True)
class Transaction:
    """One message's envelope as it comes together."""

    principal: Principal
    sender: str
    smtputf8: bool
    recipients: list[str] = field(default_factory=list)

    @property
    def utf8_local_parts(self) -> bool:
        return self.smtputf8 and self.principal.workspace.smtputf8


class Session:
    """Leads the conversation on one wire to its end."""

    def __init__(self, wire: Wire, parts: Parts, *, tls: bool) -> None:
        self._wire = wire
        self._parts = parts
        self._tls = tls
        self._greeted = self._extended = False
        self._authentication = Authentication(wire, parts)
        self._transaction: Transaction | None = None
        self._dialogue = Dialogue(wire, parts.door, frozenset(COMMANDS), self._answer)

    async def run(self) -> None:
        """Never raises for what a client can do."""
        try:
            await self._dialogue.run(self._after)
        except HungUpError:
            return
        except Exception as error:
            log.exception("an SMTP conversation failed", error=type(error).__name__)
            self._wire.say(said.BROKEN)

    async def _after(self, reply: Reply) -> None:
        if reply is said.READY_FOR_TLS:
            await self._start_tls()

    async def _answer(self, verb: str, argument: str) -> Reply:
        if not self._tls and verb not in BEFORE_TLS:
            return replies.TLS_FOR_AUTH if verb == "AUTH" else replies.TLS_FIRST
        if verb in WITHOUT_ARGUMENT and argument.strip():
            return said.syntax(verb)
        try:
            return await COMMANDS[verb](self, argument)
        except ProblemError as problem:
            return replies.of_problem(problem)
        except PyMongoError as error:
            log.warning("database away", error=type(error).__name__)
            return said.TRY_AGAIN

    async def _start_tls(self) -> None:
        settings = self._parts.settings
        await self._wire.start_tls(self._parts.certificate.context, settings.smtp_tls_seconds)
        # nothing that was said in the clear counts any more (RFC 3207 section 4.2)
        self._tls, self._greeted, self._extended, self._transaction = True, False, False, None

    async def _ehlo(self, argument: str) -> Reply:
        if not argument.strip():
            return said.syntax("EHLO name")
        self._greeted = self._extended = True
        self._transaction = None
        offered = ["8BITMIME", f"SIZE {self._parts.largest(None)}", "ENHANCEDSTATUSCODES", "SMTPUTF8"]
        if not self._tls:
            offered.append("STARTTLS")
        elif self._authentication.principal is None:
            offered.append("AUTH PLAIN LOGIN")
        return Reply(250, None, self._parts.settings.smtp_hostname, extensions=tuple(offered))

    async def _helo(self, argument: str) -> Reply:
        if not argument.strip():
            return said.syntax("HELO name")
        self._greeted, self._extended, self._transaction = True, False, None
        return Reply(250, None, self._parts.settings.smtp_hostname)

    async def _starttls(self, argument: str) -> Reply:
        return said.OUT_OF_ORDER if self._tls or not self._extended else said.READY_FOR_TLS

    async def _auth(self, argument: str) -> Reply:
        if not self._extended or self._transaction is not None:
            return said.OUT_OF_ORDER
        return await self._authentication.answer(argument)

    async def _mail(self, argument: str) -> Reply:
        if not self._greeted or self._transaction is not None:
            return said.OUT_OF_ORDER
        principal = await self._authentication.still_valid()
        if principal is None:
            return replies.LOGIN_FIRST
        path = read_path("FROM", argument, MAIL_FORM)
        size = declared_size(path)
        if size > self._parts.largest(principal.workspace):
            return said.TOO_LARGE
        if size > self._parts.door.budget.free:
            return said.NO_ROOM
        transaction = Transaction(principal, "", "SMTPUTF8" in path.parameters)
        transaction.sender = sender_address(path, smtputf8=transaction.utf8_local_parts)
        await self._parts.receiver.begin(principal, transaction.sender)
        self._transaction = transaction
        return said.SENDER_OK

    async def _rcpt(self, argument: str) -> Reply:
        transaction = self._transaction
        if transaction is None:
            return replies.LOGIN_FIRST if self._authentication.principal is None else said.OUT_OF_ORDER
        path = read_path("TO", argument, RCPT_FORM)
        address = recipient_address(path, smtputf8=transaction.utf8_local_parts)
        if len(transaction.recipients) >= transaction.principal.workspace.max_recipients:
            return said.TOO_MANY_RECIPIENTS
        transaction.recipients.append(address)
        self._dialogue.uncounted()
        return said.RECIPIENT_OK

    async def _data(self, argument: str) -> Reply:
        transaction = self._transaction
        if transaction is None:
            return replies.LOGIN_FIRST if self._authentication.principal is None else said.OUT_OF_ORDER
        if not transaction.recipients:
            return said.NO_RECIPIENTS
        self._dialogue.say(said.GO_AHEAD)
        self._transaction = None
        self._wire.deadline = asyncio.get_running_loop().time() + self._parts.settings.smtp_data_seconds
        try:
            content = await self._wire.content(self._parts.largest(transaction.principal.workspace))
            self._wire.deadline = None
            if self._wire.pending:
                return said.NOT_YOUR_TURN
            if content is None:
                return said.NO_ROOM if self._wire.over_budget else said.TOO_LARGE
            reply = await self._parts.receiver.take(transaction.principal, transaction.recipients, content)
        finally:
            self._wire.release()
        if reply.code != 250:
            return reply
        self._dialogue.forgive()
        if self._wire.pending:
            self._wire.say(reply)  # it is stored: whatever came too early since, its sender has to know
            return said.NOT_YOUR_TURN
        return reply

    async def _rset(self, argument: str) -> Reply:
        self._transaction = None
        return said.OK

    async def _noop(self, argument: str) -> Reply:
        return said.OK

    async def _help(self, argument: str) -> Reply:
        return replies.HELP

    async def _vrfy(self, argument: str) -> Reply:
        return replies.LOGIN_FIRST if self._authentication.principal is None else replies.CANNOT_VERIFY

    async def _quit(self, argument: str) -> Reply:
        return said.BYE


COMMANDS: dict[str, Answer] = {
    "EHLO": Session._ehlo,
    "HELO": Session._helo,
    "STARTTLS": Session._starttls,
    "AUTH": Session._auth,
    "MAIL": Session._mail,
    "RCPT": Session._rcpt,
    "DATA": Session._data,
    "RSET": Session._rset,
    "NOOP": Session._noop,
    "HELP": Session._help,
    "VRFY": Session._vrfy,
    "QUIT": Session._quit,
}
BEFORE_TLS = frozenset({"EHLO", "HELO", "STARTTLS", "NOOP", "QUIT"})  # RFC 3207 section 4
