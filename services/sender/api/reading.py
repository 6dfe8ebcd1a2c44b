"""The routes that show what waits, the holds and the jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response

from services.sender.api.bodies import DestinationListing, MessageListing, Parts
from services.sender.api.schemas import (
    DestinationPage,
    HoldPage,
    JobPage,
    JobView,
    MessagePage,
    QueueView,
)
from services.sender.api.views import hold_view, job_view, message_view
from services.sender.queue.overview import Overview
from services.sender.queue.stages import Stages
from services.sender.store.deliveries import IDLE
from services.sender.store.holds import Holds
from services.sender.store.jobs import Jobs
from services.sender.store.queue import LANES, Queue
from shared.api import json_response
from shared.auth import Principal
from shared.errors import Fault, invalid_request, not_found
from shared.openapi.operations import KEY, Cursor, Limit, replies
from shared.tokens import Cursors, InvalidCursorError

FIRST_DESTINATIONS = 25
FIELDS = dict.fromkeys(
    ("workspace_id", "lane", "state", "destination", "attempt", "why", "hold", "last", "due_at", "record"), 1
)


def owner_of(principal: Principal | None, parts: Parts | None = None) -> str | None:
    """The workspace that a caller sees, None for the operator; raises a 404 problem where another one is named."""
    if principal is None:
        return None
    if parts is not None and parts.workspace is not None:
        principal.require_workspace(parts.workspace)
    return principal.workspace_id


class Pages:
    """Pages behind a position; a cursor is bound to its query."""

    def __init__(self, key: bytes) -> None:
        self._cursors = Cursors(key)

    def position(self, cursor: str | None, query: str) -> list[Any] | None:
        """Raises a 422 problem for a cursor of another list."""
        if cursor is None:
            return None
        try:
            return self._cursors.read(cursor, query)
        except InvalidCursorError as error:
            fault = Fault("#/cursor", "invalid_cursor", "This cursor was not made for this list.")
            raise invalid_request([fault]) from error

    def page(self, data: list[Any], behind: list[Any] | None, query: str) -> dict[str, Any]:
        cursor = self._cursors.make(behind, query) if behind is not None else None
        return {"data": data, "has_more": behind is not None, "next_cursor": cursor}

    def of(self, found: Sequence[Any], limit: int, query: str, view: Callable[[Any], Any]) -> dict[str, Any]:
        """The page of what was found by id, one more than `limit` where there is another page."""
        data = [view(each) for each in found[:limit]]
        return self.page(data, [data[-1]["id"]] if len(found) > limit else None, query)


def query_of(name: str, owner: str | None, parts: Parts) -> str:
    """What a cursor is bound to."""
    filters = parts.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)
    return f"queue:{name}:{owner}:{orjson.dumps(filters, option=orjson.OPT_SORT_KEYS).decode()}"


class QueueReader:
    """Makes the replies."""

    def __init__(
        self,
        queue: Queue,
        overview: Overview,
        stages: Stages,
        holds: Holds,
        jobs: Jobs,
        pages: Pages,
        digest: Callable[[str], str],
    ) -> None:
        """`digest` gives the HMAC of an address."""
        self._queue = queue
        self._holds = holds
        self._jobs = jobs
        self._overview = overview
        self._stages = stages
        self._pages = pages
        self._digest = digest

    async def summary(self, owner: str | None) -> dict[str, Any]:
        listing = DestinationListing(limit=FIRST_DESTINATIONS)
        stages = await self._stages.look() if owner is None else None
        lanes, destinations = await self._overview.lanes(owner), await self.destinations(owner, listing)
        return {"stages": stages, "lanes": lanes, "destinations": destinations}

    async def destinations(self, owner: str | None, listing: DestinationListing) -> dict[str, Any]:
        query = query_of("destinations", owner, listing)
        after = self._pages.position(listing.cursor, query)
        selection = listing.selection(owner)
        found = await self._overview.destinations(selection, after[0] if after else None, listing.limit + 1)
        return self._pages.of(found, listing.limit, query, dict)

    async def messages(self, owner: str | None, listing: MessageListing) -> dict[str, Any]:
        query = query_of("messages", owner, listing)
        after = self._pages.position(listing.cursor, query)
        selection = listing.selection(owner)
        if listing.hold is not None:
            found = await self._queue.held_by(
                [listing.hold], after[0] if after else None, listing.limit + 1, FIELDS, workspace=selection.workspace
            )
            return self._pages.of(found, listing.limit, query, message_view)
        states = IDLE if listing.state is None else ["leased" if listing.state == "in_flight" else listing.state]
        lanes = LANES if listing.lane is None else [str(listing.lane)]
        if listing.recipient is not None:
            found = await self._queue.of_address(
                self._digest(listing.recipient), selection, states, after[0] if after else None, listing.limit + 1,
                lanes=lanes, fields=FIELDS,
            )  # fmt: skip
            return self._pages.of(found, listing.limit, query, message_view)
        found, behind = await self._queue.walk(selection, states, after, listing.limit, lanes=lanes, fields=FIELDS)
        return self._pages.page([message_view(each) for each in found], behind, query)

    async def holds(self, owner: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
        query = f"queue:holds:{owner}"
        after = self._pages.position(cursor, query)
        found = await self._holds.page(owner, after[0] if after else None, limit + 1)
        return self._pages.of(found, limit, query, hold_view)

    async def jobs(self, owner: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
        query = f"queue:jobs:{owner}"
        before = self._pages.position(cursor, query)
        found = await self._jobs.page(owner, before[0] if before else None, limit + 1)
        return self._pages.of(found, limit, query, job_view)

    async def job(self, owner: str | None, id_: str) -> dict[str, Any]:
        """Raises a 404 problem."""
        document = await self._jobs.get(owner, id_)
        if document is None:
            raise not_found("job")
        return job_view(document)


def add_reading(router: APIRouter, reader: QueueReader, allowed: Any) -> None:
    @router.get("", operation_id="get_queue", responses=replies(200, QueueView, "What waits", *KEY))
    async def get_queue(principal: Principal | None = allowed) -> Response:
        """What waits: before the sender by lane and stage, from there on by lane, state and destination. Counts end at
        100,000 for a lane and 10,000 for a destination."""
        return json_response(200, await reader.summary(owner_of(principal)))

    @router.get(
        "/destinations", operation_id="list_queue_destinations",
        responses=replies(200, DestinationPage, "A page", *KEY, 404, 422),
    )  # fmt: skip
    async def destinations(
        listing: Annotated[DestinationListing, Query()], principal: Principal | None = allowed
    ) -> Response:
        """List the destinations that anything waits for, by their ids."""
        return json_response(200, await reader.destinations(owner_of(principal, listing), listing))

    @router.get(
        "/messages", operation_id="list_queue_messages",
        responses=replies(200, MessagePage, "A page", *KEY, 404, 422),
    )  # fmt: skip
    async def messages(listing: Annotated[MessageListing, Query()], principal: Principal | None = allowed) -> Response:
        """List the messages that wait, by state, lane and destination, the oldest first in each. What changes its state
        between two pages may be on both or on none."""
        return json_response(200, await reader.messages(owner_of(principal, listing), listing))

    @router.get("/holds", operation_id="list_holds", responses=replies(200, HoldPage, "A page", *KEY, 422))
    async def list_holds(limit: Limit = 25, cursor: Cursor = None, principal: Principal | None = allowed) -> Response:
        """List the holds that are active, the workspace's own; for the operator all, oldest first."""
        return json_response(200, await reader.holds(owner_of(principal), limit, cursor))

    @router.get("/jobs", operation_id="list_queue_jobs", responses=replies(200, JobPage, "A page", *KEY, 422))
    async def list_jobs(limit: Limit = 25, cursor: Cursor = None, principal: Principal | None = allowed) -> Response:
        """List what was asked to be done with what waits and by whom, newest first."""
        return json_response(200, await reader.jobs(owner_of(principal), limit, cursor))

    @router.get("/jobs/{id}", operation_id="get_queue_job", responses=replies(200, JobView, "The job", *KEY, 404))
    async def get_job(id: str, principal: Principal | None = allowed) -> Response:
        """One job, and how far it has come."""
        return json_response(200, await reader.job(owner_of(principal), id))
