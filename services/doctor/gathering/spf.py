"""The SPF records that the names of our return paths lead to, and the addresses behind them."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from dns.asyncresolver import Resolver
from dns.rdatatype import RdataType

from services.doctor.checks.spf import MOST_LOOKUPS, PermanentError, SpfFacts, record_of, terms_of
from services.doctor.gathering.domains import verified_domains
from services.doctor.gathering.names import gather as gather_names
from services.doctor.options import Options
from services.ingest.domains.records import Zone
from shared.dns import Existence, ask, make_resolver, text_of
from shared.net import is_public

MOST_NAMES = 2 * MOST_LOOKUPS


async def gather(options: Options) -> SpfFacts:
    zone = Zone.of(options.ingest)
    own = {domain.return_path for _, domain in await verified_domains(options)}
    names = [zone.returns, *sorted(name for name in own if name)]
    greetings = await gather_names(options)
    seen = {ip for each in greetings for ip in each.names}
    local = options.shared.profile == "local"
    addresses = sorted((ip for ip in seen if local or is_public(ip)), key=lambda ip: (ip_address(ip).version, ip))
    records = _Records(make_resolver(options.nameservers, options.seconds / 2))
    for name in names:
        await records.follow(name)
    return SpfFacts(names, addresses, records.texts, records.hosts)


class _Records:
    """Follows includes and redirects, each name once."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self.texts: dict[str, Sequence[str] | None] = {}
        self.hosts: dict[tuple[str, str], Sequence[str]] = {}

    async def follow(self, first: str) -> None:
        """One record has so few look-ups that a loop or a tree without end is cut off by their number."""
        waiting, followed = [first], 0
        while waiting and followed < MOST_NAMES:
            name = waiting.pop()
            followed += 1
            if name in self.texts:
                continue
            self.texts[name] = found = await self._texts(name)
            try:
                record = record_of(found or ())
            except PermanentError:
                continue
            for _, term, value in terms_of(record or "v=spf1"):
                if term in ("include", "redirect"):
                    waiting.append(value)
                elif term in ("a", "mx"):
                    await self._add_hosts(term, value.partition("/")[0] or name)

    async def _texts(self, name: str) -> list[str] | None:
        answer = await ask(self._resolver, name, RdataType.TXT)
        if answer.existence is Existence.FAILED:
            return None
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer.records]  # type: ignore[attr-defined]

    async def _add_hosts(self, term: str, name: str) -> None:
        hosts = [name]
        if term == "mx":
            answer = await ask(self._resolver, name, RdataType.MX)
            hosts = [text_of(record.exchange) for record in answer.records]  # type: ignore[attr-defined]
        found: list[str] = []
        for host in hosts:
            for kind in (RdataType.A, RdataType.AAAA):
                answer = await ask(self._resolver, host, kind)
                found += [record.address for record in answer.records]  # type: ignore[attr-defined]
        self.hosts[term, name] = found
