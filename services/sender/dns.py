"""What the sender asks the DNS at dial time: addresses and TLSA records of mail hosts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from random import Random
from typing import NamedTuple, cast

from dns.asyncresolver import Resolver
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.ANY.TLSA import TLSA
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA
from dns.reversename import from_address

from services.sender.smtp.targets import Addresses, IpStrategy, in_order
from services.sender.tls.protection import TlsaFinding
from services.sender.tls.tlsa import Tlsa
from shared.dns import Answer, Existence, ask, text_of
from shared.telemetry import metrics
from shared.ttl_cache import TtlCache

AT_ONCE = 256
LOOPBACK = "localhost"


class Question(NamedTuple):
    name: str
    kind: RdataType
    search: bool = False


class Lookups:
    """Look-ups with a cache, each asked once however many wait for it. Names are lower-case A-labels."""

    def __init__(self, resolver: Resolver, strategy: IpStrategy = IpStrategy.IPV4_ONLY) -> None:
        self._resolver = resolver
        self._strategy = strategy
        self._rng = Random()
        self._answers: TtlCache[Question, Answer] = TtlCache(self._find, at_once=AT_ONCE)

    async def addresses(self, host: str, *, search: bool = False, source: str | None = None) -> Addresses:
        """A host's addresses, those of one family in random order. A literal address stands for itself.

        With `search` the name may be one of the system's search list (resolv.conf(5)). For an IPv6 `source` both
        families are looked up, whatever the setting says: whoever has such a source means to use it.
        """
        strategy = IpStrategy.IPV6_THEN_IPV4 if source is not None and ":" in source else self._strategy
        try:
            return Addresses(Existence.FOUND, host, (str(ip_address(host)),))
        except ValueError:
            pass
        if host == LOOPBACK:  # RFC 6761 section 6.3: not a question for the DNS
            return Addresses(Existence.FOUND, host, in_order(strategy, ["127.0.0.1"], ["::1"]))
        kinds = [RdataType.A] if strategy is IpStrategy.IPV4_ONLY else [RdataType.A, RdataType.AAAA]
        answers = await asyncio.gather(*(self._answers.get(Question(host, kind, search)) for kind in kinds))
        families = [self._shuffled(answer) for answer in answers]
        ips = in_order(strategy, families[0], families[-1])
        failed = next((answer for answer in answers if answer.existence is Existence.FAILED), None)
        if failed and not ips:
            return Addresses(Existence.FAILED, host, detail=failed.detail)
        authentic = all(answer.authentic for answer in answers)
        if ips:
            return Addresses(Existence.FOUND, answers[0].name, ips, authentic)
        missing = "no such name"
        if answers[0].existence is not Existence.NO_NAME:
            missing = f"no {' or '.join(kind.name for kind in kinds)} records"
        return Addresses(answers[0].existence, answers[0].name, (), authentic, missing)

    async def names(self, ip: str) -> tuple[str, ...] | None:
        """What an address resolves back to, in lower case; None where that cannot be looked up."""
        answer = await self._answers.get(Question(from_address(ip).to_text(omit_final_dot=True), RdataType.PTR))
        if answer.existence is Existence.FAILED:
            return None
        return tuple(text_of(record.target) for record in cast(Sequence[PTR], answer.records))

    async def tlsa(self, host: str, port: int, addresses: Addresses) -> TlsaFinding | None:
        """A host's TLSA records; None where its addresses are not validated, and DANE does not apply.

        What the host's CNAMEs led to is asked first, then the host (RFC 7672 section 2.2.3).
        """
        if not addresses.authentic:
            return None
        for base in dict.fromkeys((addresses.name, host)):
            answer = await self._answers.get(Question(f"_{port}._tcp.{base}", RdataType.TLSA))
            if answer.existence is Existence.FAILED:
                return TlsaFinding(base, failed=answer.detail)
            if answer.existence is Existence.FOUND and answer.authentic:
                return TlsaFinding(base, _records(cast(Sequence[TLSA], answer.records)))
        return TlsaFinding(host)

    async def validates(self) -> bool:
        """Whether the resolver vouches for the root zone, which is signed."""
        return (await ask(self._resolver, ".", RdataType.NS)).authentic

    async def close(self) -> None:
        """Gives up the look-ups that are under way."""
        await self._answers.close()

    async def _find(self, question: Question) -> tuple[Answer, float]:
        answer = await ask(self._resolver, question.name, question.kind, search=question.search)
        metrics.HOST_LOOKUPS.labels(question.kind.name, str(answer.existence)).inc()
        return answer, answer.seconds

    def _shuffled(self, answer: Answer) -> list[str]:
        found = [record.address for record in cast(Sequence[A | AAAA], answer.records)]
        self._rng.shuffle(found)
        return found


def _records(records: Sequence[TLSA]) -> tuple[Tlsa, ...]:
    return tuple(Tlsa(record.usage, record.selector, record.mtype, record.cert) for record in records)
