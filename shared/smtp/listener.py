"""A door's listeners: connections are counted in, led by a session each, and let out when the process stops."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog

from shared.loops import Loops
from shared.smtp import replies
from shared.smtp.certificate import Certificate
from shared.smtp.dialogue import Door
from shared.smtp.replies import Reply
from shared.smtp.wire import Wire
from shared.telemetry import metrics

BACKLOG = 512
CERTIFICATE_SECONDS = 10.0
LONGEST_LOOK = 1.0
ACCEPT_PAUSE = 0.1
Lead = Callable[[Wire, bool], Awaitable[None]]
"""Leads one conversation to its end; told whether it began with TLS. Never raises for what a client can do."""
log = structlog.get_logger(__name__)


class Listener:
    """Takes a door's connections."""

    def __init__(self, door: Door, lead: Lead) -> None:
        self._door = door
        self._lead_one = lead
        self._wires: set[Wire] = set()
        self._handshakes: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(
        self,
        loops: Loops,
        seconds: float,
        plain: Sequence[socket.socket],
        encrypted: Sequence[socket.socket] = (),
    ) -> AsyncIterator[None]:
        """Takes connections until the block is left, then lets those end that are about to store a message, for so many
        `seconds`.

        `encrypted` are the sockets whose connections begin with TLS; the door's certificate has been loaded.
        """
        door = self._door
        if door.certificate is not None:
            look = partial(_look_at_certificate, door.name, door.certificate)
            loops.every("smtp.certificate", CERTIFICATE_SECONDS, look)
        shortest = min(door.idle_seconds, door.data_seconds)
        loops.every("smtp.time", min(LONGEST_LOOK, shortest / 4), self._look_at_time)
        accepting = [
            asyncio.create_task(self._accept(each, implicit_tls=each in encrypted)) for each in (*plain, *encrypted)
        ]
        try:
            yield
        finally:
            for task in (*accepting, *self._handshakes):
                task.cancel()
            await asyncio.gather(*accepting, *self._handshakes, return_exceptions=True)
            for each in (*plain, *encrypted):
                each.close()
            await self._drain(seconds)

    async def _drain(self, seconds: float) -> None:
        """Who waits for a command is told to come back; who is in the midst of a message may end it."""
        self._door.stopping = True
        for wire in list(self._wires):
            if wire.is_idle and not wire.in_content:
                wire.say(replies.STOPPING)
        tasks = [wire.task for wire in self._wires if wire.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for wire in list(self._wires):
            wire.abort()

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
            if not self._door.connections.enter(address):
                self._turn_away(connected, replies.TOO_MANY_CONNECTIONS, implicit_tls)
                continue
            metrics.SMTP_CONNECTIONS.labels(self._door.name).inc()
            task = loop.create_task(self._connect(connected, address, implicit_tls))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _connect(self, connected: socket.socket, address: str, implicit_tls: bool) -> None:
        """Makes a wire of an accepted connection, once its TLS handshake is done where it begins with one."""
        door = self._door
        tls: dict[str, Any] = {}
        if implicit_tls:
            assert door.certificate is not None
            tls = {"ssl": door.certificate.context, "ssl_handshake_timeout": door.tls_seconds}
        wire = Wire(address, partial(self._lead, implicit_tls), self._left, door.budget, door.idle_seconds)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: wire, connected, **tls)
        except OSError:  # a handshake that fails is one, too
            return
        finally:
            if wire.task is None:
                self._leave(address)

    async def _lead(self, implicit_tls: bool, wire: Wire) -> None:
        self._wires.add(wire)
        await self._lead_one(wire, implicit_tls)

    def _left(self, wire: Wire) -> None:
        self._wires.discard(wire)
        self._leave(wire.address)

    def _leave(self, address: str) -> None:
        metrics.SMTP_CONNECTIONS.labels(self._door.name).dec()
        self._door.connections.leave(address)

    async def _look_at_time(self) -> None:
        now = asyncio.get_running_loop().time()
        for wire in list(self._wires):
            wire.check_time(now, replies.TOO_SLOW)

    def _turn_away(self, connected: socket.socket, reply: Reply, implicit_tls: bool) -> None:
        with connected:
            if not implicit_tls:  # before a handshake there is nobody to tell
                metrics.SMTP_REFUSED.labels(self._door.name, reply.label).inc()
                with contextlib.suppress(OSError):
                    connected.send(reply.encode())


async def _look_at_certificate(door: str, certificate: Certificate) -> None:
    await certificate.refresh()
    metrics.CERTIFICATE_ENDS.labels(door).set(certificate.ends_at.timestamp())


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listener.setblocking(False)
    return listener
