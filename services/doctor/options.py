"""What the doctor is told: the services' own settings, and where the deployment is seen from outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from services.doctor.catalogue import WELL_KNOWN_HOSTS
from services.ingest.settings import Settings as IngestSettings
from services.sender.settings import Settings as SenderSettings
from shared.settings import SharedSettings


@dataclass(frozen=True, slots=True)
class Options:
    """`smtp_door` and `return_door` are `host:port` as others reach them, None where there is none. `mail_hosts` are
    dialled at port 25 where they name none. `seconds` is what one look may take."""

    shared: SharedSettings
    ingest: IngestSettings
    sender: SenderSettings
    seconds: float = 10.0
    smtp_door: str | None = None
    return_door: str | None = None
    mail_hosts: tuple[str, ...] = WELL_KNOWN_HOSTS
    ntp_server: str | None = "pool.ntp.org"
    health_urls: tuple[str, ...] = ()
    ca_file: Path | None = None

    @property
    def nameservers(self) -> list[str]:
        """The resolvers that both DNS-minded services are told of; none: the system's."""
        return self.sender.nameservers or self.ingest.domain_resolvers


def place(text: str, port: int) -> tuple[str, int]:
    """`host` or `host:port`; an IPv6 address with a port stands in brackets."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, int(rest[1:]) if rest.startswith(":") else port
    host, colon, digits = text.rpartition(":")
    return (host, int(digits)) if colon and ":" not in host else (text, port)
