"""Questions to the DNS: answers, absences and failures told apart, and how long each may be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import dns.flags
import dns.name
import dns.resolver
from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.message import QueryMessage
from dns.nameserver import Do53Nameserver, Nameserver
from dns.rdata import Rdata
from dns.rdatatype import RdataType

from shared.net import parse_server

SHORTEST_TTL, LONGEST_TTL, LONGEST_NEGATIVE_TTL = 60.0, 3600.0, 900.0
FAILURE_TTL = 10.0
MAX_ALIASES = 8
EDNS_BYTES = 1232  # fits a datagram on any path; larger answers come over TCP


class Existence(StrEnum):
    """What an answer says of the records that were asked for."""

    FOUND = "found"
    NO_RECORDS = "no records"
    NO_NAME = "no such name"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Answer:
    """`name` is the name asked for, or what its CNAMEs led to: lower case, no dot at its end.

    `seconds` is how long it may be kept. `authentic` says that the resolver has validated it, aliases and absences too
    (the AD bit, RFC 4035 section 3.2.3). `detail` is why a look-up failed.
    """

    existence: Existence
    name: str
    records: tuple[Rdata, ...] = ()
    seconds: float = FAILURE_TTL
    authentic: bool = False
    detail: str | None = None


def make_resolver(nameservers: Sequence[str], seconds: float) -> Resolver:
    """A resolver that asks the given name servers (see `parse_server`), else the system's; `seconds` for all tries."""
    resolver = Resolver(configure=False)
    if nameservers:
        asked: list[str | Nameserver] = [Do53Nameserver(*parse_server(server)) for server in nameservers]
        resolver.nameservers = asked
    else:
        try:
            resolver.read_resolv_conf("/etc/resolv.conf")
        except dns.resolver.NoResolverConfiguration:
            resolver.nameservers = ["127.0.0.1"]  # as resolv.conf(5) says
    resolver.use_edns(0, 0, EDNS_BYTES)
    resolver.set_flags(dns.flags.RD | dns.flags.AD)  # RFC 6840 section 5.7: tell us what you have validated
    resolver.lifetime = seconds
    resolver.timeout = min(resolver.timeout, seconds / 2)
    return resolver


async def ask(resolver: Resolver, name: str, kind: RdataType, *, search: bool = False) -> Answer:
    """The answer, whatever happens. A name server that gives an alias without its target is asked again.

    With `search` the system's search list is tried for names with few dots (resolv.conf(5)).
    """
    ttl, authentic = LONGEST_TTL, True
    try:
        wanted = dns.name.from_text(name, None if search else dns.name.root)
        for _ in range(MAX_ALIASES):
            found = await resolver.resolve(wanted, kind, raise_on_no_answer=False, search=search)
            ttl = min(ttl, found.chaining_result.minimum_ttl)
            authentic = authentic and bool(found.response.flags & dns.flags.AD)
            if found.rrset is not None or found.canonical_name == found.qname:
                existence = Existence.NO_RECORDS if found.rrset is None else Existence.FOUND
                records = tuple(found.rrset or ())
                return Answer(existence, text_of(found.canonical_name), records, _kept(existence, ttl), authentic)
            wanted, search = found.canonical_name, False
        return Answer(Existence.FAILED, name, detail="its aliases lead nowhere")
    except dns.resolver.NXDOMAIN as error:
        said: list[QueryMessage] = list(error.kwargs["responses"].values())
        ttl = min([ttl, *(response.resolve_chaining().minimum_ttl for response in said)])
        authentic = authentic and all(response.flags & dns.flags.AD for response in said)
        return Answer(Existence.NO_NAME, name, seconds=_kept(Existence.NO_NAME, ttl), authentic=authentic)
    except (dns.name.LabelTooLong, dns.name.EmptyLabel, dns.name.NameTooLong):
        return Answer(Existence.NO_NAME, name, seconds=LONGEST_NEGATIVE_TTL)
    except (DNSException, OSError) as error:
        return Answer(Existence.FAILED, name, detail=reason_of(error))


def text_of(name: dns.name.Name) -> str:
    """A name in lower case without its last dot; the root is the empty name."""
    return "" if name == dns.name.root else name.to_text(omit_final_dot=True).lower()


def reason_of(error: Exception) -> str:
    """What went wrong in few words: `SERVFAIL`, `REFUSED`, `timed out`, or the error's name."""
    if isinstance(error, dns.resolver.LifetimeTimeout | TimeoutError):
        return "timed out"
    if isinstance(error, dns.resolver.NoNameservers):
        last = error.kwargs["errors"][-1][3]
        return last if isinstance(last, str) else type(last).__name__
    return type(error).__name__


def _kept(existence: Existence, ttl: float) -> float:
    """60-3600 s, an absence (RFC 2308) 60-900."""
    return min(max(ttl, SHORTEST_TTL), LONGEST_TTL if existence is Existence.FOUND else LONGEST_NEGATIVE_TTL)
