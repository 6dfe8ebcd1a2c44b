"""How MongoDB is spoken to and as whom, beside what its connection string says."""

from __future__ import annotations

import ssl
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.monitoring import (
    ServerHeartbeatFailedEvent,
    ServerHeartbeatListener,
    ServerHeartbeatStartedEvent,
    ServerHeartbeatSucceededEvent,
)

from shared.connections import ConnectionSettings
from shared.tls import TlsFiles


def security_arguments(settings: ConnectionSettings) -> dict[str, Any]:
    """For a MongoDB client."""
    arguments: dict[str, Any] = {}
    if settings.mongo_tls:
        arguments["tls"] = True
    if settings.mongo_ca_file is not None:
        arguments["tlsCAFile"] = str(settings.mongo_ca_file)
    if settings.mongo_certificate_file is not None:
        arguments["tlsCertificateKeyFile"] = str(settings.mongo_certificate_file)
    if settings.mongo_username is not None and settings.mongo_password is not None:
        arguments["username"] = settings.mongo_username
        arguments["password"] = settings.mongo_password.get_secret_value()
        arguments["authSource"] = settings.mongo_auth_source or "admin"
    return arguments


class Renewal(ServerHeartbeatListener):
    """Looks at the TLS files of a client at each of its heartbeats, every few seconds."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._files = TlsFiles(settings.mongo_ca_file, settings.mongo_certificate_file)
        self._context: ssl.SSLContext | None = None

    def watch(self, client: AsyncIOMotorClient) -> None:
        # the driver takes no context, and makes one that all of its connections share
        self._context = client.delegate.options.pool_options._ssl_context
        if self._context is not None:
            self._files.load(self._context)

    def started(self, event: ServerHeartbeatStartedEvent) -> None:
        if self._context is not None:
            self._files.refresh(self._context)

    def succeeded(self, event: ServerHeartbeatSucceededEvent) -> None:
        """Nothing to do."""

    def failed(self, event: ServerHeartbeatFailedEvent) -> None:
        """Nothing to do: the next one looks again."""
