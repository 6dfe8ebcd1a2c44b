"""What is wanted, in MongoDB's words. Pure: builds conditions, never runs them.

A query goes down the index of one clause, its *way*. Other clauses on the fields of that index are written as
expressions, which MongoDB takes no index for: of two conditions on one field it would choose by rules of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from services.ingest.search.wanted import ID, Clause, Wanted
from shared.tokens import first_id

CLOCK_SLACK = timedelta(minutes=1)  # between who makes an id and who notes the time of acceptance

Condition = dict[str, Any]
Keys = list[tuple[str, int]]


def index_of(way: Clause | None) -> Keys:
    """The keys of the index that a clause goes down, in the order of lists; of all messages for None."""
    return [("workspace_id", 1), *([(way.field, 1)] if way and way.field != ID else []), (ID, -1)]


def ids_of(wanted: Wanted, before: str | None) -> Condition:
    """The bounds of ids older than `before`: ids begin with their time (UUIDv7), so a time bounds them too."""
    below = [before] if before else []
    if wanted.until is not None:
        below.append(first_id(wanted.until, CLOCK_SLACK))
    bounds: Condition = {"$lt": min(below)} if below else {}
    return bounds | ({"$gte": first_id(wanted.since, -CLOCK_SLACK)} if wanted.since is not None else {})


def on_way(workspace_id: str, way: Clause | None, ids: Condition) -> Condition:
    """What the index of a way finds by itself."""
    condition: Condition = {"workspace_id": workspace_id, **({ID: ids} if ids else {})}
    if way is None:
        return condition
    if way.field == ID:
        return condition | {ID: {"$in": list(way.values), **ids}}
    return condition | {way.field: _one_of(way.values)}


def condition_of(
    workspace_id: str, wanted: Wanted, clauses: Iterable[Clause], way: Clause | None, ids: Condition
) -> Condition:
    """What finds the messages that are wanted on a way. `clauses` are those of `wanted` as they were resolved."""
    times = {"$gte": wanted.since, "$lt": wanted.until}
    accepted = {operator: time for operator, time in times.items() if time is not None}
    condition = on_way(workspace_id, way, ids) | {"head": {"$exists": True}}
    condition |= {"accepted_at": accepted} if accepted else {}
    others = [_looked_at(each, way) for each in clauses if each is not way]
    return condition | ({"$and": others} if others else {})


def _looked_at(clause: Clause, way: Clause | None) -> Condition:
    """A clause that is tested on each message."""
    of_the_way = {ID, way.field} if way else {ID}
    if not clause.is_beginning and clause.field not in of_the_way:
        return {clause.field: _one_of(clause.values)}
    held = f"${clause.field}"
    all_held = {"$cond": [{"$isArray": held}, held, [held]]}
    values = [{"$literal": value} for value in clause.values]
    if not clause.is_beginning:
        return {"$expr": {"$gt": [{"$size": {"$setIntersection": [all_held, values]}}, 0]}}
    begins = {"$or": [{"$eq": [{"$indexOfBytes": ["$$this", value]}, 0]} for value in values]}
    return {"$expr": {"$anyElementTrue": {"$map": {"input": all_held, "as": "this", "in": begins}}}}


def _one_of(values: tuple[str, ...]) -> Any:
    return values[0] if len(values) == 1 else {"$in": list(values)}
