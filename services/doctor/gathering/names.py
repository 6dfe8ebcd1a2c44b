"""Asks the DNS about the names that the direct transports say, as the sender itself does each hour."""

from __future__ import annotations

import asyncio

from services.doctor.checks.names import NameFacts
from services.doctor.options import Options
from services.sender.destinations.greeting_names import Greeting, greetings_of
from services.sender.dns import Lookups
from shared.contracts.entities import Kind
from shared.dns import make_resolver
from shared.mongo.client import make_client, open_database
from shared.mongo.entities import Entities

OWNER = "router"
"""The service that owns transports."""


async def gather(options: Options) -> list[NameFacts]:
    settings = options.sender
    lookups = Lookups(make_resolver(options.nameservers, options.seconds / 2), settings.ip_lookup_strategy)
    try:
        return list(await asyncio.gather(*(_ask(lookups, each) for each in await greetings(options))))
    finally:
        await lookups.close()


async def greetings(options: Options) -> list[Greeting]:
    """What the direct transports say and from where, in a steady order."""
    client = make_client(options.shared)
    try:
        entities = Entities(open_database(client, options.shared.database(OWNER)))
        ways = await entities.find(Kind.TRANSPORT, {"data.kind": "direct", "data.enabled": {"$ne": False}})
    finally:
        client.close()
    name, address = options.sender.ehlo_name, options.sender.source_address
    return sorted(greetings_of((way.data for way in ways), name, address), key=str)


async def _ask(lookups: Lookups, greeting: Greeting) -> NameFacts:
    addresses = await lookups.addresses(greeting.name, source=greeting.source)
    seen = [greeting.seen_from] if greeting.seen_from is not None else list(addresses.ips)
    names = await asyncio.gather(*map(lookups.names, seen))
    return NameFacts(greeting, addresses, dict(zip(seen, names, strict=True)))
