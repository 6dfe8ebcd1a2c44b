"""Where messages that are to be sent are placed: the destination, by way of one of the transport's sources."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.sender.destinations.name import Destination, route_of
from services.sender.destinations.table import Table
from services.sender.destinations.warmup import choose, sources_of, tomorrow
from services.sender.destinations.warmups import Warmups
from services.sender.rules import Settled, another_way
from shared.addresses import domain_of
from shared.contracts.entities import Kind
from shared.contracts.messages import Message
from shared.mongo.entity_cache import EntityCache


class Placing:
    """A message keeps its source while that may be used: the greylists of receiving systems know it by that."""

    def __init__(self, cache: EntityCache, table: Table, warmups: Warmups) -> None:
        self._cache = cache
        self._table = table
        self._warmups = warmups

    async def of(self, messages: Sequence[Message], now: datetime) -> dict[str, Destination | Settled]:
        """Each message's destination by its id, or how it stands where no source of its transport may send today."""
        transports = {message.route.transport: 0 for message in messages if message.route is not None}
        ways = await self._cache.many(Kind.TRANSPORT, transports)
        sources = {id_: sources_of(way.data) for id_, way in ways.items()}
        full = {id_: self._warmups.full(each, now) for id_, each in sources.items()}
        placed: dict[str, Destination | Settled] = {}
        for message in messages:
            transport, rollup = route_of(message)
            domain = domain_of(message.recipient)
            own = domain if self._table.own_destination(domain) else None
            known = sources.get(transport, ())
            source = choose(message.message_id, known, full.get(transport, ()))
            if known and source is None:
                placed[message.message_id] = another_way(message, now, tomorrow(now))
            else:
                placed[message.message_id] = Destination(transport, rollup, own, source.address if source else None)
        return placed
