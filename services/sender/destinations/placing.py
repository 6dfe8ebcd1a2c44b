"""Where messages that are to be sent are placed: the destination, by way of one of the transport's sources."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.sender.destinations.name import Destination, route_of
from services.sender.destinations.table import Table
from services.sender.destinations.warmup import choose, of_family, tomorrow
from services.sender.destinations.warmups import Warmups
from services.sender.destinations.ways import Ways
from services.sender.rules import Settled, another_way
from shared.addresses import domain_of
from shared.contracts.messages import Message


class Placing:
    """A message keeps its source while that may be used: the greylists of receiving systems know it by that. Hosts that
    have turned out to have addresses of one family only are dialled from a source of that family."""

    def __init__(self, ways: Ways, table: Table, warmups: Warmups) -> None:
        self._ways = ways
        self._table = table
        self._warmups = warmups

    async def of(self, messages: Sequence[Message], now: datetime) -> dict[str, Destination | Settled]:
        """Each message's destination by its id, or how it stands where no source of its transport may send today."""
        found = await self._ways.sources({route_of(message)[0] for message in messages})
        sources = {transport: list(each.values()) for transport, each in found.items()}
        full = {transport: self._warmups.full(each, now) for transport, each in sources.items()}
        placed: dict[str, Destination | Settled] = {}
        for message in messages:
            transport, rollup = route_of(message)
            domain = domain_of(message.recipient)
            own = domain if self._table.own_destination(domain) else None
            known = of_family(sources.get(transport, ()), message.last.family if message.last else None)
            source = choose(message.message_id, known, full.get(transport, ()))
            if known and source is None:
                placed[message.message_id] = another_way(message, now, tomorrow(now))
            else:
                placed[message.message_id] = Destination(transport, rollup, own, source.address if source else None)
        return placed
