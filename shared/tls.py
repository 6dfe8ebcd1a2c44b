"""TLS towards Kafka and MongoDB: the files of a client, read again when they change, as certificates are renewed while
a process runs."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger(__name__)
State = list[tuple[int, int, int]]


@dataclass
class TlsFiles:
    """Whom to trust (`ca`; None: the system's authorities) and what to show (`chain` with `key`, None: nothing; a key
    may stand in the chain's file)."""

    ca: Path | None = None
    chain: Path | None = None
    key: Path | None = None
    _loaded: State = field(default_factory=list)

    def load(self, context: ssl.SSLContext) -> None:
        """Puts the files into a context. Raises OSError (of which SSLError is one)."""
        self._loaded = self._state()
        if self.ca is not None:
            context.load_verify_locations(self.ca)
        if self.chain is not None:
            context.load_cert_chain(self.chain, self.key)

    def refresh(self, context: ssl.SSLContext) -> None:
        """Loads the files again if they have changed, for connections from now on; keeps what it had where they cannot
        be used. An authority that is gone from its file stays trusted until the process ends: a context only learns."""
        try:
            if self._state() == self._loaded:
                return
            self.load(context)
        except OSError as error:
            log.warning("new TLS files cannot be used", error=str(error))
        else:
            log.info("TLS files were loaded again")

    def _state(self) -> State:
        stats = [file.stat() for file in (self.ca, self.chain, self.key) if file is not None]
        return [(stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats]


class RenewedContext(ssl.SSLContext):
    """A client's context that looks at its files before each handshake: every new connection has what is on disk."""

    files: TlsFiles

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        self.files.refresh(self)
        return super().wrap_bio(*args, **kwargs)


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """TLS 1.2 and newer, with the host's name verified. Raises OSError."""
    context = RenewedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.files = files
    if files.ca is None:
        context.load_default_certs()
    files.load(context)
    return context
