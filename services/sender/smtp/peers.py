"""Who is talked to and how: the values that a conversation starts from."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from services.sender.tls.sts import StsFinding
from shared.contracts.messages import Host, TlsMode


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait, each for one stage (RFC 5321 section 4.5.3.2); `block` is for each 64 KiB of a message written.

    The wait after the final dot is the long one: giving up on a peer that still works is how duplicates are made. The
    last of the hosts has `last_banner` for its greeting.
    """

    connect: float = 30
    banner: float = 60
    last_banner: float = 300
    ehlo: float = 120
    starttls: float = 60
    auth: float = 60
    mail: float = 300
    rcpt: float = 300
    data: float = 120
    block: float = 180
    dot: float = 600
    reset: float = 5


@dataclass(frozen=True)
class Credentials:
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Egress:
    """One way out, as the route of a message and its transport's settings give it. `hosts` are in order of preference.

    `rollup` names the destination; `relayed` is True for a smart host; `source` is the local address to bind, and
    `destination` the name under which connections are counted. `domain` is the recipient's, where the hosts are of its
    MX records and not configured; `sts` is then its MTA-STS policy, and `dane` says that DANE is on and the MX records
    are validated. An idle connection is kept for `idle_seconds`.
    """

    transport: str
    transport_version: int
    hosts: tuple[Host, ...]
    tls: TlsMode
    ehlo_name: str
    rollup: str = ""
    relayed: bool = False
    credentials: Credentials | None = None
    source: str | None = None
    max_deliveries_per_connection: int = 100
    domain: str | None = None
    sts: StsFinding | None = None
    dane: bool = False
    destination: str = ""
    idle_seconds: float = 30


@dataclass(frozen=True)
class TlsContexts:
    """`verify` checks the chain and the host's name; `encrypt` checks neither (RFC 7435 section 3)."""

    encrypt: ssl.SSLContext
    verify: ssl.SSLContext

    def for_mode(self, mode: TlsMode) -> ssl.SSLContext:
        """Implicit TLS verifies as well: it is for smart hosts, which get credentials (RFC 8314 section 5.2)."""
        return self.verify if mode in (TlsMode.VERIFY, TlsMode.IMPLICIT) else self.encrypt


def tls_contexts(ca_file: str | None = None) -> TlsContexts:
    """Contexts for TLS 1.2 and newer; `ca_file` adds authorities (PEM) to the system's."""
    encrypt, verify = ssl.create_default_context(), ssl.create_default_context()
    encrypt.check_hostname = False
    encrypt.verify_mode = ssl.CERT_NONE
    if ca_file is not None:
        verify.load_verify_locations(ca_file)
    for context in (encrypt, verify):
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    return TlsContexts(encrypt, verify)
