"""Where a domain's mail goes: what its MX records mean (RFC 5321 section 5.1, RFC 7505). Pure: no look-up, no clock."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.router.providers import provider_of
from shared.contracts.messages import Host

MAX_HOSTS = 10
HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*")


class Finding(StrEnum):
    """What a look-up found. `PENDING` stands for one that has not ended yet."""

    MX = "mx"
    IMPLICIT = "implicit_mx"
    STATIC = "static"
    NULL_MX = "null_mx"
    NO_SUCH_DOMAIN = "no_such_domain"
    NO_MAIL_HOST = "no_mail_host"
    MAIL_LOOP = "mail_loop"
    FAILED = "dns"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class MxHost:
    """One MX host: lower case, no dot at its end."""

    preference: int
    name: str


@dataclass(frozen=True, slots=True)
class Mx:
    """The answer for one domain. `name` is the domain, or what its CNAMEs led to; `detail` why a look-up failed.

    `authentic` says that the resolver has validated it (RFC 4035 section 3.2.3).
    """

    finding: Finding
    name: str
    hosts: tuple[MxHost, ...] = ()
    detail: str | None = None
    authentic: bool = False


@dataclass(frozen=True, slots=True)
class Destination:
    """Where one domain's mail goes now: `hosts` in the order to dial, `rollup` the name they share limits under.

    `authentic` says that the hosts come from an answer that the resolver has validated.
    """

    finding: Finding
    rollup: str
    hosts: tuple[Host, ...] = ()
    detail: str | None = None
    authentic: bool = False


def read_mx(name: str, records: Sequence[MxHost], own_names: Collection[str] = (), *, authentic: bool = False) -> Mx:
    """What the MX records of `name` mean; the root (`.`) is the empty name.

    No records: the domain itself (implicit MX). Exactly `0 .`: null MX. Other roots, and what cannot be a host name,
    are ignored. Of our own names, and of every host that is no more preferred, nothing is left: mail would loop.
    """
    if not records:
        finding = Finding.MAIL_LOOP if name in own_names else Finding.IMPLICIT
        hosts = [MxHost(0, name)] if finding is Finding.IMPLICIT else []
        return Mx(finding, name, tuple(hosts), authentic=authentic)
    if len(records) == 1 and records[0] == MxHost(0, ""):
        return Mx(Finding.NULL_MX, name)
    hosts = [record for record in records if HOST_NAME.fullmatch(record.name)]
    if not hosts:
        return Mx(Finding.NO_MAIL_HOST, name)
    ours = min((host.preference for host in hosts if host.name in own_names), default=None)
    if ours is not None:
        hosts = [host for host in hosts if host.preference < ours]
    return Mx(Finding.MX, name, tuple(hosts), authentic=authentic) if hosts else Mx(Finding.MAIL_LOOP, name)


def spread(hosts: Sequence[MxHost], rng: random.Random) -> list[MxHost]:
    """The hosts by preference, those of equal preference in random order."""
    return sorted(hosts, key=lambda host: (host.preference, rng.random()))


def rollup_of(mx: Mx) -> str:
    """The name under which domains with the same mail hosts share connections and limits.

    The provider's id, else `mx:` and 16 hex digits of the sorted host names' SHA-256; `d:<domain>` without MX hosts.
    """
    if mx.finding is not Finding.MX:
        return domain_rollup(mx.name)
    names = sorted({host.name for host in mx.hosts})
    provider = provider_of(names)
    return provider or f"mx:{hashlib.sha256(','.join(names).encode()).hexdigest()[:16]}"


def domain_rollup(domain: str) -> str:
    return f"d:{domain}"


def destination_of(mx: Mx, port: int, rng: random.Random) -> Destination:
    """The destination with at most 10 hosts, equals spread anew."""
    spread_out = spread(mx.hosts, rng)[:MAX_HOSTS]
    hosts = tuple(Host(name=each.name, port=port, preference=each.preference) for each in spread_out)
    return Destination(mx.finding, rollup_of(mx), hosts, mx.detail, mx.authentic)


def pending(domain: str) -> Destination:
    """The domain stands for the rollup that its look-up will give; the hosts are not known yet."""
    return Destination(Finding.PENDING, domain_rollup(domain))
