"""What callers write: transports, failover orders and rules, with every fault named by its field."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.router.mx import HOST_NAME
from services.router.routes.model import (
    MAX_RULES,
    MAX_TRANSPORTS,
    Printable,
    Rule,
    RuleSet,
    TransportId,
    with_ids,
)
from shared.contracts.messages import TlsMode
from shared.errors import Fault
from shared.net import is_public

NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
MAX_SOURCES = 64
# What senders' guides come to: it doubles while nobody complains, and is left behind after three weeks.
USUAL_CAPS = [
    *(50, 100, 200, 400, 800, 1500, 3000),
    *(5000, 7500, 10_000, 15_000, 20_000, 30_000, 40_000),
    *(60_000, 80_000, 100_000, 150_000, 200_000, 300_000, 400_000),
]


def _host_name(text: str) -> str:
    """A host name whose last label is not a number: `127.1` and `0x7f000001` would be dialled as addresses."""
    name = text.strip().lower().removesuffix(".")
    try:
        name = name.encode("idna").decode() if not name.isascii() else name
    except UnicodeError as error:
        raise ValueError("is not a host name") from error
    if not HOST_NAME.fullmatch(name) or NUMBER.fullmatch(name.rpartition(".")[2]):
        raise ValueError("is not a host name")
    return name


def _host(text: str) -> str:
    address = literal(text.strip().removeprefix("[").removesuffix("]"))
    if address is not None:
        return address
    try:
        return _host_name(text)
    except ValueError as error:
        raise ValueError("is neither a host name nor an IP address") from error


def literal(text: str) -> str | None:
    """The IP address in its usual form, None for what is none."""
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _unicast(text: str) -> str:
    try:
        address = ip_address(text.strip())
    except ValueError as error:
        raise ValueError("is not an IP address") from error
    if address.is_unspecified or address.is_multicast:
        raise ValueError("is not the address of one host")
    return str(address)


HostName = Annotated[str, Field(max_length=255), AfterValidator(_host_name)]
UnicastAddress = Annotated[str, Field(max_length=45), AfterValidator(_unicast)]
SmartHost = Annotated[str, Field(max_length=255), AfterValidator(_host)]


class WarmupBody(BaseModel):
    """Messages a day (UTC) from the first one on; after the last there is no limit."""

    model_config = ConfigDict(extra="forbid")

    started_on: date
    daily_caps: list[Annotated[int, Field(ge=1, le=100_000_000)]] = Field(USUAL_CAPS, min_length=1, max_length=366)


class SourceBody(BaseModel):
    """A local address that mail is sent from, and the name that it resolves back to."""

    model_config = ConfigDict(extra="forbid")

    address: UnicastAddress
    ehlo_name: HostName | None = None
    warmup: WarmupBody | None = None


class TransportSettings(BaseModel):
    """What every transport has and every change may name. None for a number: the sender's provider table says."""

    model_config = ConfigDict(extra="forbid")

    port: int = Field(25, ge=1, le=65535)
    tls: TlsMode = TlsMode.OPPORTUNISTIC
    username: Printable | None = Field(None, min_length=1, max_length=255)
    password: Printable | None = Field(None, min_length=1, max_length=1024, repr=False)
    weight: int = Field(100, ge=0, le=1000)
    enabled: bool = True
    max_connections: int | None = Field(None, ge=1, le=1000)
    max_per_connection: int | None = Field(None, ge=1, le=10_000)
    ehlo_name: HostName | None = None
    sources: list[SourceBody] = Field([], max_length=MAX_SOURCES)


class TransportBody(TransportSettings):
    """A way out: the recipients' own MX hosts (`direct`) or one smart host."""

    name: Printable = Field(min_length=1, max_length=100)
    kind: Literal["direct", "smarthost"]
    host: SmartHost | None = None


class TransportChanges(TransportSettings):
    """The fields to change; what is not named stays. A null user name and password take the credentials away."""

    name: Printable = Field("", min_length=1, max_length=100)
    host: SmartHost = ""


class DefaultRoute(BaseModel):
    """A workspace's transports in failover order."""

    model_config = ConfigDict(extra="forbid")

    transports: list[TransportId] = Field(min_length=1, max_length=MAX_TRANSPORTS)


class RuleSetBody(RuleSet):
    """A whole set of rules; `version` is that of the set that it replaces."""

    version: int | None = Field(None, ge=0, le=2**53)

    def to_set(self) -> RuleSet:
        """The set, each rule with an id and a name."""
        rules = [with_ids(rule) for rule in self.rules]
        return RuleSet.model_construct(transports=self.transports, rules=rules, quarantine=self.quarantine)


class RuleBody(Rule):
    """One rule, and the position (from 0) that it is to have in its set."""

    position: int | None = Field(None, ge=0, le=MAX_RULES)

    def to_rule(self) -> Rule:
        return Rule.model_construct(**{name: getattr(self, name) for name in Rule.model_fields})


def _faults_of_sources(sources: Sequence[SourceBody], *, shared: bool) -> list[Fault]:
    """The addresses are the machine's, and their good name is everybody's: only the operator gives them away."""
    if sources and not shared:
        return [Fault("#/sources", "operator_only", "Only the platform's shared transports have sources.")]
    addresses = [source.address for source in sources]
    return [
        Fault(f"#/sources/{place}/address", "repeated", "A transport has an address once.")
        for place, address in enumerate(addresses)
        if address in addresses[:place]
    ]


def faults_of_transport(wanted: TransportBody, *, allow_private: bool, shared: bool) -> list[Fault]:
    """What is wrong with a transport as a whole; `password` stands for one that is kept, too.

    `shared` says that it is the platform's.
    """
    faults = []
    if wanted.kind == "direct":
        given = {"host": wanted.host, "username": wanted.username, "password": wanted.password}
        faults += [
            Fault(f"#/{field}", "not_for_direct", "A direct transport has none: it goes to the recipients' MX hosts.")
            for field, value in given.items()
            if value is not None
        ]
        if wanted.port != 25:
            faults.append(Fault("#/port", "not_for_direct", "MX hosts are at port 25."))
        if wanted.tls is TlsMode.IMPLICIT:
            faults.append(Fault("#/tls", "not_for_direct", "MX hosts do not speak TLS from the first byte."))
        return faults + _faults_of_sources(wanted.sources, shared=shared)
    if wanted.sources:
        faults.append(Fault("#/sources", "not_for_smarthost", "Only direct transports have sources."))
    if wanted.host is None:
        faults.append(Fault("#/host", "required", "A smart host needs a host."))
    elif not allow_private and literal(wanted.host) and not is_public(wanted.host):
        faults.append(Fault("#/host", "private_address", "This address is not on the public internet."))
    if (wanted.username is None) != (wanted.password is None):
        missing = "username" if wanted.username is None else "password"
        faults.append(Fault(f"#/{missing}", "required", "A user name and a password belong together."))
    return faults
