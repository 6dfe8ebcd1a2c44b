"""Turns on one wire: a command is read, answered, and the answer said; whoever talks nonsense is sent away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.smtp import replies
from shared.smtp.certificate import Certificate
from shared.smtp.commands import CommandError
from shared.smtp.framing import BareLineEndError, LineTooLongError
from shared.smtp.limits import ByteBudget, ConnectionLimits
from shared.smtp.replies import Reply
from shared.smtp.wire import HungUpError, Wire
from shared.telemetry import metrics

SOFT_ERRORS, HARD_ERRORS = 10, 20  # as Postfix counts them: since the last message that was taken
MOST_COMMANDS = 200
NOT_OFFERED = frozenset({"BDAT", "BURL", "ETRN", "EXPN", "SAML", "SEND", "SOML", "TURN"})
WITHOUT_ARGUMENT = frozenset({"STARTTLS", "DATA", "RSET", "QUIT"})

Answer = Callable[[str, str], Awaitable[Reply]]
"""The reply to a verb in capitals and its argument. May raise CommandError."""


@dataclass
class Door:
    """What the conversations of one door share. `name` is the door's in metrics, `certificate` None where it offers no
    STARTTLS; `stopping` is set when it takes no more messages. Times are seconds."""

    name: str
    hostname: str
    connections: ConnectionLimits
    budget: ByteBudget
    idle_seconds: float
    data_seconds: float
    tls_seconds: float
    error_delay_seconds: float
    certificate: Certificate | None = None
    stopping: bool = False


class Dialogue:
    """One conversation's turns, from the greeting on."""

    def __init__(self, wire: Wire, door: Door, verbs: frozenset[str], answer: Answer) -> None:
        self._wire = wire
        self._door = door
        self._verbs = verbs
        self._answer = answer
        self._errors = self._commands = 0

    async def run(self, after: Callable[[Reply], Awaitable[None]]) -> None:
        """Goes on until the peer leaves or is sent away, which raises HungUpError; `after` is told what was said."""
        self.say(Reply(220, None, f"{self._door.hostname} ESMTP Posthorn"))
        while True:
            reply = await self._next_reply()
            if self._door.stopping and not reply.close:
                self.say(reply)
                reply = replies.STOPPING
            await self._count(reply)
            self.say(reply)
            await after(reply)

    def say(self, reply: Reply) -> None:
        """Says a reply; to a peer that did not wait for it, that this was wrong. Raises HungUpError after the last."""
        if self._wire.pending and not reply.close:
            reply = replies.NOT_YOUR_TURN
        if reply.code >= 400:
            metrics.SMTP_REFUSED.labels(self._door.name, reply.label).inc()
        self._wire.say(reply)
        if reply.close:
            raise HungUpError

    def forgive(self) -> None:
        """A message was taken: errors and commands are counted from here on."""
        self._errors = self._commands = 0

    def uncounted(self) -> None:
        """The last command has a limit of its own."""
        self._commands -= 1

    async def _next_reply(self) -> Reply:
        try:
            line = await self._wire.line()
        except BareLineEndError:
            return replies.BARE_LINE_END
        except LineTooLongError:
            return replies.LINE_TOO_LONG
        if self._commands >= MOST_COMMANDS:
            return replies.TOO_MANY_COMMANDS
        self._commands += 1
        try:
            return await self._reply_to(line.decode())
        except UnicodeDecodeError:
            return replies.NOT_UTF8
        except CommandError as error:
            return error.reply

    async def _reply_to(self, line: str) -> Reply:
        verb, _, argument = line.partition(" ")
        verb = verb.upper()
        if verb not in self._verbs:
            return replies.NOT_OFFERED if verb in NOT_OFFERED else replies.UNKNOWN_COMMAND
        return await self._answer(verb, argument)

    async def _count(self, reply: Reply) -> None:
        if reply.code < 400 or reply.close:
            return
        self._errors += 1
        if self._errors >= HARD_ERRORS:
            self.say(reply)
            self.say(replies.TOO_MANY_ERRORS)
        if self._errors > SOFT_ERRORS:
            await asyncio.sleep(self._door.error_delay_seconds)
