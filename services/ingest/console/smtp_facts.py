"""What a mail program has to know to send by SMTP. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from services.ingest.settings import Settings


@dataclass(frozen=True, slots=True)
class SmtpFacts:
    """`port` begins with STARTTLS (RFC 6409), `tls_port` is TLS from the first byte (RFC 8314)."""

    host: str
    port: int
    tls_port: int

    @classmethod
    def of(cls, settings: Settings) -> SmtpFacts:
        host = settings.smtp_public_host or urlsplit(settings.public_url).hostname or settings.smtp_hostname
        return cls(host, settings.smtp_port, settings.smtps_port)
