"""The door of submission: both of its ports, and a session for each connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.ingest.acceptance.admission import Admission
from services.ingest.acceptance.senders import Senders
from services.ingest.accounts.smtp_login import SmtpLogin
from services.ingest.settings import Settings
from services.ingest.smtp.limits import LoginGuard
from services.ingest.smtp.parts import Parts
from services.ingest.smtp.receiver import Receiver
from services.ingest.smtp.session import Session
from shared.loops import Loops
from shared.service import Base
from shared.smtp.certificate import Certificate, CertificateError
from shared.smtp.dialogue import Door
from shared.smtp.limits import ByteBudget, ConnectionLimits
from shared.smtp.listener import Listener, listening
from shared.smtp.wire import Wire


class SmtpDoor:
    """Listens on both ports. `ports` are those it got, STARTTLS first, once it is open."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._listener = Listener(parts.door, self._lead)
        self.ports: tuple[int, int] = (0, 0)

    @asynccontextmanager
    async def open(self, loops: Loops) -> AsyncIterator[SmtpDoor]:
        """Takes connections until the block is left, then lets those end that are about to store a message.

        Raises CertificateError and OSError.
        """
        settings = self._parts.settings
        if settings.smtp_certificate_file is None:
            raise CertificateError("the SMTP door needs a certificate: POSTHORN_SMTP_CERTIFICATE_FILE")
        self._parts.certificate.load()
        plain = listening(settings.smtp_host, settings.smtp_port)
        encrypted = listening(settings.smtp_host, settings.smtps_port)
        self.ports = plain.getsockname()[1], encrypted.getsockname()[1]
        async with self._listener.open(loops, settings.shutdown_seconds, [plain], [encrypted]):
            yield self

    async def _lead(self, wire: Wire, implicit_tls: bool) -> None:
        await Session(wire, self._parts, tls=implicit_tls).run()


def smtp_door(base: Base, admission: Admission, login: SmtpLogin, settings: Settings) -> SmtpDoor:
    """Composes the door."""
    certificate = Certificate(settings.smtp_certificate_file, settings.smtp_key_file)
    door = Door(
        name="submission",
        hostname=settings.smtp_hostname,
        connections=ConnectionLimits(settings.smtp_max_connections, settings.smtp_connections_per_address),
        budget=ByteBudget(settings.smtp_buffer_bytes),
        idle_seconds=settings.smtp_idle_seconds,
        data_seconds=settings.smtp_data_seconds,
        tls_seconds=settings.smtp_tls_seconds,
        error_delay_seconds=settings.smtp_error_delay_seconds,
        certificate=certificate,
    )
    receiver = Receiver(admission, Senders(base.cache), base.tracing, settings)
    guard = LoginGuard(settings.smtp_login_delay_seconds)
    return SmtpDoor(Parts(settings, door, certificate, login, receiver, guard))
