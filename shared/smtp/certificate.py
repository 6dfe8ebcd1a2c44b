"""A door's certificate, read again when its files change: it is renewed while the process runs."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import structlog
from cryptography.x509 import load_pem_x509_certificate

log = structlog.get_logger(__name__)


class CertificateError(ValueError):
    """There is no certificate, or none that can be used."""


class Certificate:
    """A server's TLS context (TLS 1.2 and newer). Connections that are open keep what they began with.

    `ends_at` is when the certificate of the chain's server expires.
    """

    def __init__(self, chain: Path | None, key: Path | None) -> None:
        self._chain = chain
        self._key = key or chain
        self._loaded: list[tuple[int, int, int]] = []
        self.ends_at = datetime.min.replace(tzinfo=UTC)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2

    def load(self) -> None:
        """Reads the files for the first time. Raises CertificateError."""
        if self._chain is None:
            raise CertificateError("the door has no certificate")
        try:
            self._loaded = self._state()
            self._use()
        except (OSError, ValueError) as error:
            raise CertificateError(f"the certificate cannot be used: {error}") from error

    async def refresh(self) -> None:
        """Loads the files again if they have changed; keeps the old certificate where they cannot be used."""
        try:
            state = self._state()
            if state == self._loaded:
                return
            self._loaded = state
            self._use()
        except (OSError, ValueError) as error:
            log.warning("an SMTP door's new certificate cannot be used", error=str(error))
        else:
            log.info("an SMTP door's certificate was loaded again")

    def _use(self) -> None:
        assert self._chain is not None
        self.context.load_cert_chain(self._chain, self._key)
        self.ends_at = load_pem_x509_certificate(self._chain.read_bytes()).not_valid_after_utc

    def _state(self) -> list[tuple[int, int, int]]:
        stats = [file.stat() for file in (self._chain, self._key) if file is not None]
        return [(stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats]
