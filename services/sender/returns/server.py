"""The return door: its port, and a session for each connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.sender.bounces.live import Rules
from services.sender.returns.addresses import ReturnAddresses
from services.sender.returns.receiver import Receiver
from services.sender.returns.session import Session
from services.sender.settings import Settings
from services.sender.store.returns import Returns
from shared.loops import Loops
from shared.service import Base
from shared.smtp.certificate import Certificate
from shared.smtp.dialogue import Door
from shared.smtp.limits import ByteBudget, ConnectionLimits
from shared.smtp.listener import Listener, listening
from shared.smtp.wire import Wire

TLS_SECONDS = 30.0


class ReturnDoor:
    """Listens for what comes back. `port` is the one that it got, once it is open."""

    def __init__(self, door: Door, receiver: Receiver, settings: Settings) -> None:
        self._door = door
        self._receiver = receiver
        self._settings = settings
        self._listener = Listener(door, self._lead)
        self.port = 0

    @asynccontextmanager
    async def open(self, loops: Loops) -> AsyncIterator[None]:
        """Takes mail until the block is left, then lets those end that are about to store some.

        Raises CertificateError and OSError.
        """
        settings = self._settings
        if self._door.certificate is not None:
            self._door.certificate.load()
        listener = listening(settings.returns_host, settings.returns_port)
        self.port = listener.getsockname()[1]
        loops.every("returns.sweep", settings.sweep_seconds, self._receiver.outbox.sweep)
        async with self._listener.open(loops, settings.shutdown_seconds, [listener]):
            yield

    async def _lead(self, wire: Wire, implicit_tls: bool) -> None:
        await Session(wire, self._door, self._receiver, self._settings).run()


def return_door(base: Base, settings: Settings, rules: Rules) -> ReturnDoor:
    """Composes the door; bounces are judged by `rules`."""
    certificate = None
    if settings.returns_certificate_file is not None:
        certificate = Certificate(settings.returns_certificate_file, settings.returns_key_file)
    door = Door(
        name="returns",
        hostname=settings.returns_hostname,
        connections=ConnectionLimits(settings.returns_max_connections, settings.returns_connections_per_address),
        budget=ByteBudget(settings.returns_buffer_bytes),
        idle_seconds=settings.returns_idle_seconds,
        data_seconds=settings.returns_data_seconds,
        tls_seconds=TLS_SECONDS,
        error_delay_seconds=settings.returns_error_delay_seconds,
        certificate=certificate,
    )
    returns = Returns(base.database, base.content_database)
    receiver = Receiver(ReturnAddresses(*settings.token_keys), returns, rules, base.publisher, settings)
    return ReturnDoor(door, receiver, settings)
