"""The addresses of a host: in which order they are tried, and which may be dialled at all. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, ip_address
from itertools import chain, zip_longest

from shared.client_address import IpNetwork, lies_in
from shared.contracts.messages import Host, IpFamily
from shared.dns import Existence
from shared.net import is_public


class IpStrategy(StrEnum):
    """Which families are looked up, and how they are put in order; `both` takes them in turn."""

    IPV4_ONLY = "ipv4_only"
    IPV4_THEN_IPV6 = "ipv4_then_ipv6"
    IPV6_THEN_IPV4 = "ipv6_then_ipv4"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Addresses:
    """What was found for a host, in the order to try.

    `name` is the host's, or what its CNAMEs led to. `authentic` says that the resolver has validated all of it,
    `detail` is why there are none.
    """

    existence: Existence
    name: str
    ips: tuple[str, ...] = ()
    authentic: bool = False
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Targets:
    """Addresses that may be dialled: public ones, or all with `allow_private`; never those within `prohibited`.

    `own` are this system's: nothing is delivered to a host that has one of them (RFC 5321 section 5.1).
    """

    allow_private: bool = False
    prohibited: tuple[IpNetwork, ...] = ()
    own: frozenset[str] = frozenset()

    def leads_back(self, ips: Sequence[str]) -> bool:
        return not self.own.isdisjoint(ips)

    def may_dial(self, ip: str) -> bool:
        if not (self.allow_private or is_public(ip)):
            return False
        address = ip_address(ip)
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        return not lies_in(address, self.prohibited)


def in_order(strategy: IpStrategy, ipv4: Sequence[str], ipv6: Sequence[str]) -> tuple[str, ...]:
    """The addresses as they are to be tried."""
    match strategy:
        case IpStrategy.IPV4_ONLY:
            return tuple(ipv4)
        case IpStrategy.IPV4_THEN_IPV6:
            return (*ipv4, *ipv6)
        case IpStrategy.IPV6_THEN_IPV4:
            return (*ipv6, *ipv4)
        case IpStrategy.BOTH:
            turns = zip_longest(ipv6, ipv4)  # RFC 8305 section 4: IPv6 first
            return tuple(each for each in chain.from_iterable(turns) if each is not None)


def before_ours(hosts: Sequence[Host], ours: Collection[Host]) -> list[Host]:
    """The hosts that are preferred to each of `ours` (RFC 5321 section 5.1); those of equal preference are not.

    Where hosts have no preference, their order is all that is known of it.
    """
    first = next((place for place, host in enumerate(hosts) if host in ours), len(hosts))
    level = hosts[first].preference if first < len(hosts) else None
    return [host for host in hosts[:first] if level is None or host.preference != level]


def reachable_from(source: str | None, ips: Sequence[str]) -> tuple[str, ...]:
    """Those of the family of the local address; all where none is bound."""
    return tuple(ip for ip in ips if source is None or family_of(ip) == family_of(source))


def family_of(ip: str) -> IpFamily:
    return "ipv6" if ":" in ip else "ipv4"


def other_family(ip: str) -> IpFamily:
    return "ipv4" if ":" in ip else "ipv6"
