"""Whether the names that we say in EHLO are those of our addresses, forth and back: large receivers refuse others.

RFC 5321 section 4.1.1.1 asks for a name with an address, RFC 1912 section 2.1 for addresses that resolve back to it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import structlog

from services.sender.destinations.warmup import sources_of
from services.sender.dns import Lookups
from services.sender.settings import Settings
from services.sender.smtp.targets import Addresses
from shared.contracts.entities import Kind
from shared.dns import Existence
from shared.mongo.entities import Entities
from shared.net import is_public
from shared.telemetry import metrics

log = structlog.get_logger(__name__)
_NAME = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Greeting(NamedTuple):
    """A name, and the local address that it is said from; None for whichever the system takes."""

    name: str
    source: str | None

    @property
    def seen_from(self) -> str | None:
        """The address that receivers see, where it is known: a private one is translated on the way."""
        return self.source if self.source is not None and is_public(self.source) else None


def greetings_of(transports: Iterable[Mapping[str, Any]], name: str, address: str | None) -> set[Greeting]:
    """What direct transports say; `name` and `address` are those of the settings."""
    found = set()
    for transport in transports:
        own = transport.get("ehlo_name") or name
        sources = sources_of(transport)
        found |= {Greeting((each.ehlo_name or own).lower(), each.address) for each in sources}
        if not sources:
            found.add(Greeting(own.lower(), address))
    return found


def fault_of(greeting: Greeting, addresses: Addresses, names: Mapping[str, Sequence[str] | None]) -> str | None:
    """What is wrong with a greeting; None where nothing is, or where the DNS did not tell.

    `addresses` are its name's, `names` what each address that receivers may see resolves back to.
    """
    if addresses.existence is Existence.FAILED:
        return None
    if not addresses.ips:
        return f"it has no address ({addresses.detail})"
    if greeting.seen_from is not None and greeting.seen_from not in addresses.ips:
        return f"it does not lead to {greeting.seen_from}"
    for ip, found in names.items():
        if found is not None and greeting.name not in found:
            return f"{ip} resolves back to {', '.join(found) or 'no name'}"
    return None


def is_full_name(name: str) -> bool:
    """Whether it may be a name of the public DNS."""
    return _NAME.fullmatch(name) is not None


class GreetingNames:
    """Asks the DNS about all of them, and tells the operator."""

    def __init__(self, entities: Entities, lookups: Lookups, settings: Settings) -> None:
        self._entities = entities
        self._lookups = lookups
        self._name, self._address = settings.ehlo_name, settings.source_address

    async def check(self) -> None:
        ways = await self._entities.find(Kind.TRANSPORT, {"data.kind": "direct"})
        greetings = sorted(greetings_of((way.data for way in ways), self._name, self._address), key=str)
        faults = await asyncio.gather(*map(self._fault, greetings))
        for greeting, fault in zip(greetings, faults, strict=True):
            if fault is not None:
                log.warning(
                    "receivers may refuse a name in EHLO", name=greeting.name, source=greeting.source, why=fault
                )
        metrics.GREETING_NAMES_WRONG.set(len([fault for fault in faults if fault is not None]))

    async def _fault(self, greeting: Greeting) -> str | None:
        if not is_full_name(greeting.name):
            return "it is no full name of the public DNS"
        addresses = await self._lookups.addresses(greeting.name, source=greeting.source)
        seen = [greeting.seen_from] if greeting.seen_from is not None else addresses.ips
        names = await asyncio.gather(*map(self._lookups.names, seen))
        return fault_of(greeting, addresses, dict(zip(seen, names, strict=True)))
