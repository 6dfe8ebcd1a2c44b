"""AUTH PLAIN and LOGIN (RFC 4954, RFC 4616): the exchange, its limits, and who came in."""

from __future__ import annotations

import asyncio

import structlog
from pymongo.errors import PyMongoError

from services.ingest.smtp import replies
from services.ingest.smtp.commands import read_base64, read_login, read_plain
from services.ingest.smtp.parts import Parts
from shared.auth import Principal
from shared.smtp.commands import CommandError
from shared.smtp.framing import BareLineEndError, LineTooLongError
from shared.smtp.replies import BARE_LINE_END, LINE_TOO_LONG, NOT_YOUR_TURN, OUT_OF_ORDER, Reply
from shared.smtp.wire import Wire
from shared.telemetry import metrics

MOST_FAILURES = 3
LONGEST_USER = 100
log = structlog.get_logger(__name__)


class Authentication:
    """The login of one connection. `principal` is None before it."""

    def __init__(self, wire: Wire, parts: Parts) -> None:
        self._wire = wire
        self._parts = parts
        self._failures = 0
        self.principal: Principal | None = None

    async def still_valid(self) -> Principal | None:
        """The caller as it is now: a credential that was revoked meanwhile is none any more. Raises PyMongoError."""
        if self.principal is not None:
            self.principal = await self._parts.login.renew(self.principal)
        return self.principal

    async def answer(self, argument: str) -> Reply:
        """Answers `AUTH argument`. Raises CommandError and HungUpError."""
        mechanism, _, initial = argument.strip().partition(" ")
        if self.principal is not None:
            return OUT_OF_ORDER
        if mechanism.upper() not in ("PLAIN", "LOGIN"):
            return replies.MECHANISM_UNKNOWN
        exchange = self._plain if mechanism.upper() == "PLAIN" else self._login
        credentials = await exchange(initial.strip().encode())
        try:
            admitted = credentials is not None and await self._check(*credentials)
        except PyMongoError as error:
            log.warning("database away", error=type(error).__name__)
            return replies.LOGIN_UNAVAILABLE
        metrics.SMTP_LOGINS.labels("ok" if admitted else "failed").inc()
        if admitted:
            return replies.LOGGED_IN
        self._failures += 1
        return replies.LOGIN_WRONG if self._failures < MOST_FAILURES else replies.TOO_MANY_LOGINS

    async def _check(self, user: str, password: str) -> bool:
        """Whoever guesses waits before each try, longer each time, and learns nothing from how long it took."""
        loop, guard, address = asyncio.get_running_loop(), self._parts.guard, self._wire.address
        guessed = user[:LONGEST_USER]
        await asyncio.sleep(guard.delay(address, guessed, loop.time()))
        self.principal = await self._parts.login.authenticate(user, password, address)
        if self.principal is None:
            guard.failed(address, guessed, loop.time())
            return False
        guard.passed(address, guessed)
        return True

    async def _plain(self, initial: bytes) -> tuple[str, str] | None:
        # "=" is an initial response of no bytes (RFC 4954 section 4)
        response = read_base64(b"" if initial == b"=" else initial) if initial else await self._ask(b"")
        return read_plain(response)

    async def _login(self, initial: bytes) -> tuple[str, str] | None:
        user = read_base64(initial) if initial else await self._ask(b"VXNlcm5hbWU6")
        password = await self._ask(b"UGFzc3dvcmQ6")
        return read_login(user, password)

    async def _ask(self, challenge: bytes) -> bytes:
        """One challenge, base64, and the response to it. Raises CommandError."""
        if self._wire.pending:
            raise CommandError(NOT_YOUR_TURN)
        self._wire.say(Reply(334, None, challenge.decode()))
        try:
            return read_base64(await self._wire.line())
        except BareLineEndError as error:
            raise CommandError(BARE_LINE_END) from error
        except LineTooLongError as error:
            raise CommandError(LINE_TOO_LONG) from error
