"""Reads of `deliveries` for those who operate on what waits: in pages, and counted no further than a bound.

Every query names state and lane, which lead the two indexes of what is idle: what is in flight is found by its lease.
The order of a walk is that of the indexes: state, lane, destination, workspace, id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.sender.destinations.name import parse
from services.sender.queue.selection import Selection
from services.sender.store.deliveries import IDLE, Deliveries
from shared.contracts.topics import Lane

ORDER = [("destination", 1), ("workspace_id", 1), ("_id", 1)]
IN_FLIGHT = {"lease.until": {"$exists": True}, "state": "leased"}
BEHIND_BAR = "}"  # the character after the bar that separates a destination's parts
LANES = [str(lane) for lane in Lane]
READ_MS = 5_000
MOST_LOOKED_AT = 10_000

Condition = dict[str, Any]
Position = list[Any]
"""Where a walk is: its leg, and the destination, workspace and id of the last one that was seen."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many there are, `more` where they were not counted to the end; the id of the oldest of them, and when the
    first of them is due."""

    count: int = 0
    more: bool = False
    oldest: str | None = None
    due_at: Any = None


class Queue:
    """What waits, by destination and one by one."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._collection = deliveries.collection

    async def destinations(self, selection: Selection, states: Sequence[str] = IDLE) -> list[str]:
        """The destinations that anything selected waits for."""
        if selection.messages is not None:
            found = await self._by_ids(selection, states, LANES, {"destination": 1})
            return sorted({each["destination"] for each in found})
        legs = [{"state": state, "lane": lane} for state in states for lane in LANES]
        waited_for = await asyncio.gather(
            *(self._collection.distinct("destination", {**leg, **condition_of(selection)}) for leg in legs)
        )
        return sorted({each for some in waited_for for each in some if is_within(each, selection)})

    async def tally(self, condition: Mapping[str, Any], most: int) -> Tally:
        """Counts what meets a condition that the index `idle_by_destination` can tell, up to `most`."""
        rows = await self._collection.aggregate(
            [
                {"$match": dict(condition)},
                {"$limit": most + 1},
                {"$group": {"_id": None, "n": {"$sum": 1}, "oldest": {"$min": "$_id"}, "due": {"$min": "$due_at"}}},
            ],
            hint="idle_by_destination",
            maxTimeMS=READ_MS,
        ).to_list(1)
        if not rows:
            return Tally()
        row = rows[0]
        return Tally(min(row["n"], most), row["n"] > most, row["oldest"], row["due"])

    async def waiting_since(self, workspace: str, lane: str) -> datetime | None:
        """When the first of a workspace's that wait for a connection came here, of MOST_LOOKED_AT of them."""
        rows = await self._collection.aggregate(
            [
                {"$match": {"state": "waiting", "lane": lane, "workspace_id": workspace}},
                {"$limit": MOST_LOOKED_AT},
                {"$group": {"_id": None, "first": {"$min": "$arrived_at"}}},
            ],
            hint="idle_by_destination",
            maxTimeMS=READ_MS,
        ).to_list(1)
        return rows[0]["first"] if rows else None

    async def in_flight(self, workspace: str | None) -> list[dict[str, Any]]:
        """What is being delivered, counted by lane and destination: `{lane, destination, count, oldest}`."""
        condition = IN_FLIGHT if workspace is None else {**IN_FLIGHT, "workspace_id": workspace}
        key = {"lane": "$lane", "destination": "$destination"}
        group = {"_id": key, "count": {"$sum": 1}, "oldest": {"$min": "$_id"}}
        query = self._collection.aggregate([{"$match": condition}, {"$group": group}], maxTimeMS=READ_MS)
        return [{**row.pop("_id"), **row} async for row in query]

    async def some(self, ids: Sequence[str], fields: Mapping[str, int]) -> dict[str, dict[str, Any]]:
        """Documents by their ids."""
        query = self._collection.find({"_id": {"$in": list(ids)}}, dict(fields))
        return {document["_id"]: document async for document in query}

    async def walk(
        self,
        selection: Selection,
        states: Sequence[str],
        after: Position | None,
        limit: int,
        *,
        lanes: Sequence[str] = LANES,
        fields: Mapping[str, int] | None = None,
    ) -> tuple[list[dict[str, Any]], Position | None]:
        """The next of those selected, and the position behind them; None where that is the end."""
        if selection.messages is not None:
            return await self._by_ids(selection, states, lanes, fields), None
        legs = [(state, lane) for state in states for lane in lanes]
        found: list[dict[str, Any]] = []
        place = after or [0]
        for number in range(place[0], len(legs)):
            state, lane = legs[number]
            behind = place[1:] if number == place[0] else []
            query = self._collection.find(await self._leg(selection, state, lane, behind), fields)
            if state != "leased":
                query = query.hint("idle_by_domain" if selection.domain else "idle_by_destination")
            found += await query.sort(ORDER).limit(limit - len(found)).max_time_ms(READ_MS).to_list(None)
            if len(found) >= limit:
                last = found[-1]
                return found, [number, last["destination"], last["workspace_id"], last["_id"]]
        return found, None

    async def held_by(
        self,
        holds: Sequence[str],
        after: str | None,
        limit: int,
        fields: Mapping[str, int] | None = None,
        workspace: str | None = None,
    ) -> list[dict[str, Any]]:
        """What these holds hold, by id, of a workspace where one is named."""
        condition: Condition = {"hold": {"$in": list(holds)}, "state": "held"}
        if workspace is not None:
            condition["workspace_id"] = workspace
        if after is not None:
            condition["_id"] = {"$gt": after}
        return await self._collection.find(condition, fields).sort("_id", 1).limit(limit).hint("held").to_list(None)

    async def of_address(
        self,
        address: str,
        selection: Selection,
        states: Sequence[str],
        after: str | None,
        limit: int,
        *,
        lanes: Sequence[str] = LANES,
        fields: Mapping[str, int] | None = None,
    ) -> list[dict[str, Any]]:
        """What waits for one recipient, by the HMAC of their address, of what is selected; by id."""
        condition = {"address": address, "state": {"$in": list(states)}, "lane": {"$in": list(lanes)}}
        condition |= condition_of(selection)
        if selection.rollup is not None:
            there = await self._collection.distinct("destination", condition)
            condition["destination"] = {"$in": [each for each in there if is_within(each, selection)]}
        if after is not None:
            condition["_id"] = {"$gt": after}
        query = self._collection.find(condition, fields).hint([("address", 1), ("_id", 1)])
        return await query.sort("_id", 1).limit(limit).max_time_ms(READ_MS).to_list(None)

    async def holding(self) -> list[str]:
        """The holds that hold anything."""
        return await self._collection.distinct("hold", {"hold": {"$gte": ""}})

    async def _by_ids(
        self, selection: Selection, states: Sequence[str], lanes: Sequence[str], fields: Mapping[str, int] | None
    ) -> list[dict[str, Any]]:
        condition = {"_id": {"$in": sorted(selection.messages or ())}, "state": {"$in": list(states)}}
        condition |= {"lane": {"$in": list(lanes)}, **condition_of(selection)}
        found = await self._collection.find(condition, fields).sort("_id", 1).to_list(None)
        return [each for each in found if is_within(each.get("destination", ""), selection)]

    async def _leg(self, selection: Selection, state: str, lane: str, behind: Sequence[str]) -> Condition:
        base: Condition = {"state": state, "lane": lane, **condition_of(selection)}
        if state == "leased":
            base |= IN_FLIGHT
        if selection.rollup is not None:
            # a rollup is a part of a destination: those that have it are few
            if state == "leased":
                flying = {each["destination"] for each in await self.in_flight(selection.workspace)}
                named = [each for each in flying if is_within(each, selection)]
            else:
                named = await self.destinations(selection, [state])
            base["destination"] = {"$in": named}
        if not behind:
            return base
        destination, workspace, id_ = behind
        here = {"destination": destination}
        return {
            "$or": [
                {"$and": [base, here, {"workspace_id": workspace, "_id": {"$gt": id_}}]},
                {"$and": [base, here, {"workspace_id": {"$gt": workspace}}]},
                {"$and": [base, {"destination": {"$gt": destination}}]},
            ]
        }


def is_within(destination: str, selection: Selection) -> bool:
    """Whether a destination is one of those that are selected, as far as that goes by transport and rollup."""
    wanted = (selection.transport, selection.rollup)
    return all(one in (None, part) for one, part in zip(wanted, parse(destination)[:2], strict=True))


def condition_of(selection: Selection) -> Condition:
    """A selection without its ids and its rollup in MongoDB's words."""
    condition: Condition = {}
    if selection.workspace is not None:
        condition["workspace_id"] = selection.workspace
    if selection.domain is not None:
        condition["domain"] = selection.domain
    if selection.transport is not None:
        condition["destination"] = {"$gte": f"{selection.transport}|", "$lt": selection.transport + BEHIND_BAR}
    return condition
