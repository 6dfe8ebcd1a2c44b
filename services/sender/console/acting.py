"""What can be done with what waits: one page that asks for it, for messages or for what a filter selects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from services.sender.api.acting import Asker, QueueActions
from services.sender.api.bodies import BounceBody, HoldBody, Parts, ReleaseBody, RerouteBody, RetryBody
from services.sender.api.reading import FIELDS, QueueReader
from services.sender.api.router import ACT, READ, ROUTE, QueueParts
from services.sender.api.views import message_view
from services.sender.console.asked import Asked, action_of, asked_of
from services.sender.console.filters import PATH
from services.sender.console.lists import Lists
from services.sender.console.saying import STATES as STATES_IN_WORDS
from services.sender.console.wording import ASKED, MEANT, TITLES, result, selected
from services.sender.queue.actions import STATES, Action
from services.sender.store.queue import Queue
from shared.console.console import Console
from shared.console.forms import Form, as_body, refused
from shared.console.gate import Visitor
from shared.errors import ProblemError, not_found

SCOPES = {action: ROUTE if action is Action.REROUTE else ACT for action in Action}
BODIES: Mapping[Action, type[Parts]] = {
    Action.RETRY: RetryBody,
    Action.HOLD: HoldBody,
    Action.RELEASE: ReleaseBody,
    Action.REROUTE: RerouteBody,
    Action.BOUNCE: BounceBody,
}
"""In the order in which they are offered."""
MOST_COUNTED, MOST_SHOWN = 100, 5
SHOWN = ("domain", "rollup", "transport", "reason", "until", "to", "workspace")
"""The fields of the page."""
DONE_SECONDS = 3.0
LOOK_SECONDS = 0.1
Do = Callable[[Asker, Any], Awaitable[dict[str, Any]]]


class Acting:
    """The page that asks, and what its forms do."""

    def __init__(self, console: Console, parts: QueueParts, lists: Lists) -> None:
        self._pages = console.pages
        self._queue = parts.queue
        self._reader = parts.reader
        self._actions = parts.actions
        self._lists = lists

    async def show(
        self, request: Request, visitor: Visitor, asked: Asked, problem: ProblemError | None = None
    ) -> Response:
        """The page, with what is wrong with what was sent; raises the problem where that is not for a form to say."""
        given = {name: asked.given.get(name, "") for name in SHOWN}
        form = refused(given, problem) if problem else Form(given)
        offered = [(action, ASKED[action], asked.url(action)) for action in BODIES if visitor.may(SCOPES[action])]
        ways = await self._lists.ways(visitor)
        return self._pages.show(
            request,
            visitor,
            "act.html",
            form.status,
            asked=asked,
            offered=offered,
            title=TITLES[asked.action],
            button=ASKED[asked.action],
            meant=MEANT[asked.action],
            states=STATES_IN_WORDS,
            ways=ways,
            what=selected(asked.selection(visitor.workspace_id).as_document(), dict(ways)),
            form=form,
            **await preview(self._queue, visitor, asked),
        )

    async def do(self, request: Request, visitor: Visitor, action: Action) -> Response:
        """Does what a form asks for; back to where that was come from, with what came of it."""
        asked = asked_of(action, await request.form())
        try:
            job = await self.ask(request, visitor, action, as_body(BODIES[action], asked.body))
        except ProblemError as problem:
            return await self.show(request, visitor, asked, problem)
        return self._pages.go(asked.back, result(job))

    async def retry_one(self, request: Request, visitor: Visitor, id_: str) -> Response:
        """Tries one message at once; raises a 404 problem where it is not the workspace's."""
        asked = asked_of(Action.RETRY, await request.form())
        found = await self._queue.some([id_.lower()], {"workspace_id": 1})
        if found.get(id_.lower(), {}).get("workspace_id") != visitor.workspace_id:
            raise not_found("message")
        body = RetryBody.model_validate({"messages": [id_.lower()]})
        return self._pages.go(asked.back, result(await self.ask(request, visitor, Action.RETRY, body)))

    async def ask(self, request: Request, visitor: Visitor, action: Action, body: Parts) -> dict[str, Any]:
        """The job, done where that takes but a moment."""
        do = doer(self._actions, action)
        job = await do(self._actions.asker(request, visitor.principal, body), body)
        return await done_soon(self._reader, visitor.workspace_id, job["_id"])


def acting_pages(console: Console, parts: QueueParts, lists: Lists) -> APIRouter:
    router = console.router()
    acting = Acting(console, parts, lists)
    allowed = console.gate.page(READ)
    for action in BODIES:
        add_action(router, acting, action, console.gate.action(SCOPES[action]))

    @router.get(f"{PATH}/act")
    async def ask(request: Request, action: str | None = None, visitor: Visitor = allowed) -> Response:
        wanted = action_of(action)
        visitor.principal.require_scope(SCOPES[wanted])
        return await acting.show(request, visitor, asked_of(wanted, request.query_params))

    may_look, may_act = console.gate.action(READ), console.gate.action(ACT)

    @router.post(f"{PATH}/act")
    async def count(request: Request, visitor: Visitor = may_look) -> Response:
        """What it would change, before it is asked for: the form as it was filled in."""
        form = await request.form()
        wanted = action_of(str(form.get("action")))
        visitor.principal.require_scope(SCOPES[wanted])
        return await acting.show(request, visitor, asked_of(wanted, form))

    @router.post(f"{PATH}/messages/{{id}}/retry")
    async def retry_one(request: Request, id: str, visitor: Visitor = may_act) -> Response:
        return await acting.retry_one(request, visitor, id)

    return router


def add_action(router: APIRouter, acting: Acting, action: Action, allowed: Visitor) -> None:
    @router.post(f"{PATH}/{action}")
    async def act(request: Request, visitor: Visitor = allowed) -> Response:
        return await acting.do(request, visitor, action)


def doer(actions: QueueActions, action: Action) -> Do:
    doers: Mapping[Action, Do] = {
        Action.HOLD: actions.hold,
        Action.RELEASE: actions.release,
        Action.RETRY: actions.retry,
        Action.BOUNCE: actions.bounce,
        Action.REROUTE: actions.reroute,
    }
    return doers[action]


async def preview(queue: Queue, visitor: Visitor, asked: Asked) -> dict[str, Any]:
    """What it would change as things are: the first of them, and how many, counted to MOST_COUNTED."""
    if not asked.names_something:
        return {"number": 0, "more": False, "messages": []}
    selection = asked.selection(visitor.workspace_id)
    found, behind = await queue.walk(selection, STATES[asked.action], None, MOST_COUNTED, fields=FIELDS)
    shown = [message_view(each) for each in found[:MOST_SHOWN]]
    return {"number": len(found), "more": behind is not None, "messages": shown}


async def done_soon(reader: QueueReader, workspace: str, id_: str) -> dict[str, Any]:
    """A job once it is done, or as it is after DONE_SECONDS."""
    end = time.monotonic() + DONE_SECONDS
    while True:
        job = await reader.job(workspace, id_)
        if job["state"] == "done" or time.monotonic() > end:
            return job
        await asyncio.sleep(LOOK_SECONDS)
