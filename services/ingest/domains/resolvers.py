"""Asking the DNS: the same question at several resolvers, each on its own, what is absent told from what failed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import dns.name
import dns.resolver
from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.nameserver import Do53Nameserver
from dns.rdata import Rdata
from dns.rdtypes.ANY.TXT import TXT

from services.ingest.domains.records import Answer, Answers, Question
from shared.net import parse_server

AT_ONCE = 64
MAX_ALIASES = 8
EDNS_BYTES = 1232  # fits a datagram on any path; larger answers come over TCP


class Resolvers:
    """The configured resolvers, else the system's."""

    def __init__(self, servers: Sequence[str], seconds: float) -> None:
        places = [parse_server(server) for server in servers] or [(address, 53) for address in _system_servers()]
        self._resolvers = [_resolver(address, port, seconds) for address, port in places]
        self._seconds = seconds
        self._free = asyncio.Semaphore(AT_ONCE)

    async def ask(self, questions: Collection[Question]) -> list[Answers]:
        """What each resolver answers to all of the questions."""
        return list(await asyncio.gather(*(self._ask_one(resolver, questions) for resolver in self._resolvers)))

    async def _ask_one(self, resolver: Resolver, questions: Collection[Question]) -> Answers:
        answers = await asyncio.gather(*(self._answer(resolver, question) for question in questions))
        return dict(zip(questions, answers, strict=True))

    async def _answer(self, resolver: Resolver, question: Question) -> Answer:
        """A server that gives an alias without its target is asked again, all within the time of one question."""
        try:
            async with self._free, asyncio.timeout(self._seconds):
                name = dns.name.from_text(question.name)
                for _ in range(MAX_ALIASES):
                    found = await resolver.resolve(name, question.type, raise_on_no_answer=False, search=False)
                    if found.rrset is not None or found.canonical_name == name:
                        return Answer(tuple(sorted(map(_text, found.rrset or ()))))
                    name = found.canonical_name
                return Answer(failure="its aliases lead nowhere")
        except dns.resolver.NXDOMAIN:
            return Answer()
        except (DNSException, OSError) as error:
            return Answer(failure=_reason(error))


def _resolver(address: str, port: int, seconds: float) -> Resolver:
    resolver = Resolver(configure=False)
    resolver.nameservers = [Do53Nameserver(address, port)]
    resolver.use_edns(0, 0, EDNS_BYTES)
    resolver.lifetime = seconds
    resolver.timeout = seconds / 2
    return resolver


def _system_servers() -> list[str]:
    system = Resolver(configure=False)
    try:
        system.read_resolv_conf("/etc/resolv.conf")
    except dns.resolver.NoResolverConfiguration:
        return ["127.0.0.1"]  # as resolv.conf(5) says
    return [str(server) for server in system.nameservers]


def _text(record: Rdata) -> str:
    if isinstance(record, TXT):
        return b"".join(record.strings).decode("utf-8", "replace")
    return str(record).lower().rstrip(".")


def _reason(error: Exception) -> str:
    """What went wrong in few words: `SERVFAIL`, `REFUSED`, `timed out`, or the error's name."""
    if isinstance(error, dns.resolver.LifetimeTimeout | TimeoutError):
        return "timed out"
    if isinstance(error, dns.resolver.NoNameservers):
        last = error.kwargs["errors"][-1][3]
        return last if isinstance(last, str) else type(last).__name__
    return type(error).__name__
