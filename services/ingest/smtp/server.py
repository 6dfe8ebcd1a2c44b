"""The door's listeners: connections are counted in, led by a session each, and let out when the process stops."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog

from services.ingest.acceptance.admission import Admission
from services.ingest.acceptance.senders import Senders
from services.ingest.accounts.smtp_login import SmtpLogin
from services.ingest.settings import Settings
from services.ingest.smtp import replies
from services.ingest.smtp.limits import ByteBudget, ConnectionLimits, LoginGuard
from services.ingest.smtp.parts import Parts
from services.ingest.smtp.receiver import Receiver
from services.ingest.smtp.replies import Reply
from services.ingest.smtp.session import Session
from services.ingest.smtp.tls import Certificate
from services.ingest.smtp.wire import Wire
from shared.loops import Loops
from shared.service import Base
from shared.telemetry import metrics

BACKLOG = 512
CERTIFICATE_SECONDS = 10.0
LONGEST_LOOK = 1.0
ACCEPT_PAUSE = 0.1
log = structlog.get_logger(__name__)


class SmtpDoor:
    """Listens on both ports. `ports` are those it got, STARTTLS first, once it is open."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._wires: set[Wire] = set()
        self._handshakes: set[asyncio.Task[None]] = set()
        self.ports: tuple[int, int] = (0, 0)

    @asynccontextmanager
    async def open(self, loops: Loops) -> AsyncIterator[SmtpDoor]:
        """Takes connections until the block is left, then lets those end that are about to store a message.

        Raises CertificateError and OSError.
        """
        settings = self._parts.settings
        self._parts.certificate.load()
        shortest = min(settings.smtp_idle_seconds, settings.smtp_data_seconds)
        loops.every("smtp.time", min(LONGEST_LOOK, shortest / 4), self._look_at_time)
        loops.every("smtp.certificate", CERTIFICATE_SECONDS, self._parts.certificate.refresh)
        plain = listening(settings.smtp_host, settings.smtp_port)
        encrypted = listening(settings.smtp_host, settings.smtps_port)
        self.ports = plain.getsockname()[1], encrypted.getsockname()[1]
        accepting = [
            asyncio.create_task(self._accept(plain, implicit_tls=False)),
            asyncio.create_task(self._accept(encrypted, implicit_tls=True)),
        ]
        try:
            yield self
        finally:
            for task in (*accepting, *self._handshakes):
                task.cancel()
            await asyncio.gather(*accepting, *self._handshakes, return_exceptions=True)
            plain.close()
            encrypted.close()
            await self._drain(settings.shutdown_seconds)

    async def _accept(self, listener: socket.socket, *, implicit_tls: bool) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connected, peer = await loop.sock_accept(listener)
            except OSError as error:  # no more files, mostly
                log.warning("a connection cannot be taken", error=str(error))
                await asyncio.sleep(ACCEPT_PAUSE)
                continue
            address = str(peer[0])
            if not self._parts.connections.enter(address):
                _turn_away(connected, replies.TOO_MANY_CONNECTIONS, implicit_tls)
                continue
            metrics.SMTP_CONNECTIONS.inc()
            task = loop.create_task(self._connect(connected, address, implicit_tls))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _connect(self, connected: socket.socket, address: str, implicit_tls: bool) -> None:
        """Makes a wire of an accepted connection, once its TLS handshake is done where it begins with one."""
        settings = self._parts.settings
        tls: dict[str, Any] = {}
        if implicit_tls:
            tls = {"ssl": self._parts.certificate.context, "ssl_handshake_timeout": settings.smtp_tls_seconds}
        lead = partial(self._lead, implicit_tls)
        wire = Wire(address, lead, self._left, self._parts.budget, settings.smtp_idle_seconds)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: wire, connected, **tls)
        except OSError:  # a handshake that fails is one, too
            return
        finally:
            if wire.task is None:
                self._leave(address)

    async def _lead(self, implicit_tls: bool, wire: Wire) -> None:
        self._wires.add(wire)
        await Session(wire, self._parts, tls=implicit_tls).run()

    def _left(self, wire: Wire) -> None:
        self._wires.discard(wire)
        self._leave(wire.address)

    def _leave(self, address: str) -> None:
        metrics.SMTP_CONNECTIONS.dec()
        self._parts.connections.leave(address)

    async def _look_at_time(self) -> None:
        now = asyncio.get_running_loop().time()
        for wire in list(self._wires):
            wire.check_time(now, replies.TOO_SLOW)

    async def _drain(self, seconds: float) -> None:
        """Who waits for a command is told to come back; who is in the midst of a message may end it."""
        self._parts.stopping = True
        for wire in list(self._wires):
            if wire.is_idle and not wire.in_content:
                wire.say(replies.STOPPING)
        tasks = [wire.task for wire in self._wires if wire.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for wire in list(self._wires):
            wire.abort()


def smtp_door(base: Base, admission: Admission, login: SmtpLogin, settings: Settings) -> SmtpDoor:
    """Composes the door."""
    return SmtpDoor(
        Parts(
            settings=settings,
            certificate=Certificate(settings.smtp_certificate_file, settings.smtp_key_file),
            login=login,
            receiver=Receiver(admission, Senders(base.cache), base.tracing, settings),
            connections=ConnectionLimits(settings.smtp_max_connections, settings.smtp_connections_per_address),
            budget=ByteBudget(settings.smtp_buffer_bytes),
            guard=LoginGuard(settings.smtp_login_delay_seconds),
        )
    )


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listener.setblocking(False)
    return listener


def _turn_away(connected: socket.socket, reply: Reply, implicit_tls: bool) -> None:
    with connected:
        if not implicit_tls:  # before a handshake there is nobody to tell
            metrics.SMTP_REFUSED.labels(reply.label).inc()
            with contextlib.suppress(OSError):
                connected.send(reply.encode())
