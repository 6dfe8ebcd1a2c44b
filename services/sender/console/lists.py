"""What the lists of the queue show: messages, destinations, holds, and what was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from services.sender.api.bodies import DestinationListing, MessageListing
from services.sender.api.reading import QueueReader
from services.sender.console.filters import FIELDS, PAGE, PARTS, PATH, given_of
from services.sender.console.wording import ASKED, left_words, place, selected
from services.sender.queue.asking import MOST_HOLDS
from shared.console.forms import Form, as_body, refused
from shared.console.gate import Visitor
from shared.contracts.entities import Kind
from shared.errors import ProblemError
from shared.mongo.entity_cache import EntityCache

Query = Mapping[str, str]
Shown = dict[str, Any]
Ways = list[tuple[str, str]]
"""Transports: ids and names."""
NOTHING: Shown = {"data": [], "next_cursor": None}


class Lists:
    """Each returns what its template takes. Names of transports and keys come from this service's copies."""

    def __init__(self, reader: QueueReader, cache: EntityCache) -> None:
        self._reader = reader
        self._cache = cache

    async def messages(self, visitor: Visitor, query: Query) -> Shown:
        given = given_of(query)
        form, found = Form({name: given.get(name, "") for name in FIELDS}), NOTHING
        try:
            found = await self._reader.messages(visitor.workspace_id, as_body(MessageListing, given | _paged(query)))
        except ProblemError as problem:
            form = refused(form.given, problem)
        names = await self.transport_names(visitor, (each["transport"] for each in found["data"]))
        held = any(each["hold"] for each in found["data"])
        holds = await self.reasons(visitor) if held else {}
        return _shown(found, given, form, PATH, query) | {
            "messages": [_placed(each, names) | {"held": holds.get(each["hold"])} for each in found["data"]],
            "way_choices": way_choices(await self.ways(visitor), given),
        }

    async def destinations(self, visitor: Visitor, query: Query) -> Shown:
        given = given_of(query, PARTS)
        form, found = Form({name: given.get(name, "") for name in PARTS}), NOTHING
        try:
            listing = as_body(DestinationListing, given | _paged(query))
            found = await self._reader.destinations(visitor.workspace_id, listing)
        except ProblemError as problem:
            form = refused(form.given, problem)
        names = await self.transport_names(visitor, (each["transport"] for each in found["data"]))
        return _shown(found, given, form, f"{PATH}/destinations", query) | {
            "destinations": [_placed(each, names) for each in found["data"]],
            "way_choices": way_choices(await self.ways(visitor), given),
        }

    async def holds(self, visitor: Visitor, query: Query) -> Shown:
        found = await self._reader.holds(visitor.workspace_id, PAGE, query.get("cursor") or None)
        names = await self.transport_names(visitor, (each["selection"].get("transport") for each in found["data"]))
        holds = [each | {"what": selected(each["selection"], names)} for each in found["data"]]
        return _shown(found, {}, Form({}), f"{PATH}/holds", query) | {"holds": holds}

    async def jobs(self, visitor: Visitor, query: Query) -> Shown:
        found = await self._reader.jobs(visitor.workspace_id, PAGE, query.get("cursor") or None)
        ways = (way for each in found["data"] for way in (each["selection"].get("transport"), each["to"]))
        transports = await self.transport_names(visitor, ways)
        keys = {each["actor"]["id"]: 0 for each in found["data"] if each["actor"]["id"]}
        askers = await self._cache.many(Kind.API_KEY, keys)
        jobs = [
            each
            | {
                "what": ASKED[each["action"]],
                "selected": selected(each["selection"], transports),
                "way": transports.get(each["to"], each["to"]),
                "left_words": left_words(each["action"], each["refused"]),
                "asker": asker(each["actor"], {id_: key.data["name"] for id_, key in askers.items()}),
            }
            for each in found["data"]
        ]
        return _shown(found, {}, Form({}), f"{PATH}/jobs", query) | {"jobs": jobs}

    async def reasons(self, visitor: Visitor) -> dict[str, str]:
        """Why there are the visitor's holds, by id."""
        found = await self._reader.holds(visitor.workspace_id, MOST_HOLDS, None)
        return {each["id"]: each["reason"] for each in found["data"]}

    async def transport_names(self, visitor: Visitor, ids: Iterable[str | None]) -> dict[str, str]:
        """The names of transports that are the platform's or the visitor's, by id."""
        found = await self._cache.many(Kind.TRANSPORT, {id_: 0 for id_ in ids if id_})
        own = (None, visitor.workspace_id)
        return {id_: each.data["name"] for id_, each in found.items() if each.workspace_id in own}

    async def ways(self, visitor: Visitor) -> Ways:
        """The transports that a visitor's mail can take, by name."""
        own = {"workspace_id": {"$in": [None, visitor.workspace_id]}}
        found = await self._cache.entities.find(Kind.TRANSPORT, own)
        return sorted(((each.id, each.data["name"]) for each in found), key=lambda way: way[1].casefold())


def asker(actor: Mapping[str, str | None], names: Mapping[str, str]) -> str:
    """Who asked: the operator, a key by its name, or who has signed in with a name."""
    id_ = actor["id"]
    if id_ is None:
        return "the operator"
    return names.get(id_) or id_.removeprefix("console:")


def way_choices(ways: Ways, given: Query) -> Ways:
    """What the field of the transport offers: one that is there no more, too, where it was asked for."""
    gone = given.get("transport")
    return [("", "any"), *ways, *([(gone, gone)] if gone and gone not in dict(ways) else [])]


def _placed(each: Mapping[str, Any], names: Mapping[str, str]) -> Shown:
    to, by = place(each["transport"], each["rollup"], names)
    return {**each, "to": to, "by": by}


def _paged(query: Query) -> Shown:
    return {"cursor": query.get("cursor") or None, "limit": PAGE}


def _shown(found: Mapping[str, Any], given: Query, form: Form, path: str, query: Query) -> Shown:
    more, here = found["next_cursor"], given_of(query, (*given, "cursor"))
    return {
        "form": form,
        "hold": given.get("hold"),
        "searched": bool(given),
        "query": urlencode(given),
        "here": _at(path, here),
        "act_query": urlencode(given_of(given, PARTS)),
        "next_url": _at(path, {**given, "cursor": more}) if more else None,
        "newest_url": _at(path, given) if query.get("cursor") else None,
    }


def _at(path: str, query: Query) -> str:
    return f"{path}?{urlencode(query)}" if query else path
