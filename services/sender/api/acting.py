"""The routes that do something with what waits: each answers 202 with the job that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from services.sender.api.bodies import BounceBody, HoldBody, Named, Parts, ReleaseBody, RerouteBody, RetryBody
from services.sender.api.reading import owner_of
from services.sender.api.schemas import EXAMPLE, JobView
from services.sender.api.views import job_view
from services.sender.queue.actions import Action, Options
from services.sender.queue.asking import MOST_HOLDS, Asking, TooManyHoldsError, UnknownHoldError
from services.sender.queue.jobs import Job
from shared.api import json_response, read_json
from shared.auth import Authenticator, Principal
from shared.contracts.entities import Kind
from shared.errors import Fault, ProblemError, invalid_request
from shared.mongo.clock import DatabaseClock
from shared.mongo.entity_cache import EntityCache
from shared.openapi.operations import BODY, KEY, body_of, replies

Document = dict[str, Any]

PATH = "/v1/queue"
LOCATION = {"Location": {"$ref": "#/components/headers/Location"}}
OPERATORS_OWN = "Destinations are everybody's: the operator alone forces a retry."
TOO_MANY = f"There are {MOST_HOLDS} holds already, which is as many as there may be"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the workspace, None for the operator, and as a job keeps it."""

    owner: str | None
    actor: Mapping[str, str | None]


class QueueActions:
    """What may be asked for, by a route or by a form of the console; each returns the document of the job that does
    it."""

    def __init__(self, asking: Asking, authenticator: Authenticator, cache: EntityCache, clock: DatabaseClock) -> None:
        self._asking = asking
        self._authenticator = authenticator
        self._cache = cache
        self._clock = clock

    def asker(self, request: Request, principal: Principal | None, parts: Parts) -> Asker:
        """A principal of None is the operator; raises a 404 problem where `parts` name another one's workspace."""
        address = self._authenticator.address_of(request)
        who = {"kind": "operator", "id": None} if principal is None else {"kind": "api_key", "id": principal.key_id}
        actor = {**who, "address": str(address) if address is not None else None}
        return Asker(owner_of(principal, parts), actor)

    async def hold(self, asker: Asker, body: HoldBody) -> Document:
        """Raises a 422 problem for an end in the past, a 409 one where there are too many holds."""
        if body.until is not None and body.until <= await self._clock.current():
            raise invalid_request([Fault("#/until", "in_the_past", "`until` must lie in the future.")])
        try:
            return await self._asking.hold(
                asker.owner, asker.actor, body.selected(asker.owner), body.reason, body.until
            )
        except TooManyHoldsError as error:
            raise ProblemError(409, "too_many_holds", f"{TOO_MANY}.") from error

    async def release(self, asker: Asker, body: ReleaseBody) -> Document:
        """Raises a 422 problem for a hold that is not the asker's."""
        try:
            return await self._asking.release(asker.owner, asker.actor, body.selected(asker.owner), body.hold)
        except UnknownHoldError as error:
            raise invalid_request([Fault("#/hold", "unknown_hold", "There is no such hold.")]) from error

    async def retry(self, asker: Asker, body: RetryBody) -> Document:
        """Raises a 403 problem where somebody else than the operator forces it."""
        if body.force and asker.owner is not None:
            raise ProblemError(403, "operator_only", OPERATORS_OWN)
        return await self._ask(asker, Action.RETRY, body, Options(force=body.force))

    async def bounce(self, asker: Asker, body: BounceBody) -> Document:
        return await self._ask(asker, Action.BOUNCE, body, Options(body.reason))

    async def reroute(self, asker: Asker, body: RerouteBody) -> Document:
        """Raises a 422 problem for a transport that is not there, or somebody else's."""
        if body.to is not None:
            way = await self._cache.get(Kind.TRANSPORT, body.to)
            if way is None or (asker.owner is not None and way.workspace_id not in (None, asker.owner)):
                raise invalid_request([Fault("#/to", "unknown_transport", "There is no such transport.")])
        return await self._ask(asker, Action.REROUTE, body, Options(take=body.to))

    async def _ask(self, asker: Asker, action: Action, body: Named, options: Options) -> Document:
        job = Job.new(asker.owner, asker.actor, action, body.selected(asker.owner), options)
        return await self._asking.ask(job)


def accepted(document: Document) -> Response:
    """202 with the job."""
    return json_response(202, job_view(document), {"Location": f"{PATH}/jobs/{document['_id']}"})


def add_acting(router: APIRouter, actions: QueueActions, allowed: Any, routing: Any) -> None:
    @router.post("/hold", **_described("hold", HoldBody, 409))
    async def hold(request: Request, principal: Principal | None = allowed) -> Response:
        """Hold messages: none of those selected is attempted, be it here or still to come, until the hold is lifted or
        ends. Their lives end when they end."""
        body = await read_json(request, HoldBody)
        return accepted(await actions.hold(actions.asker(request, principal, body), body))

    @router.post("/release", **_described("release", ReleaseBody))
    async def release(request: Request, principal: Principal | None = allowed) -> Response:
        """Lift holds: one, or those of the caller's that name what is selected. What they held goes on."""
        body = await read_json(request, ReleaseBody)
        return accepted(await actions.release(actions.asker(request, principal, body), body))

    @router.post("/retry", **_described("retry", RetryBody))
    async def retry(request: Request, principal: Principal | None = allowed) -> Response:
        """Try again now: what is deferred is due, whatever its schedule says. `force` ends what its destinations are
        left alone or slowed down for."""
        body = await read_json(request, RetryBody)
        return accepted(await actions.retry(actions.asker(request, principal, body), body))

    @router.post("/bounce", **_described("bounce", BounceBody))
    async def bounce(request: Request, principal: Principal | None = allowed) -> Response:
        """End messages as failed. One whose final dot may have left is not ended: its reply decides. A message that has
        not come here ends when it comes."""
        body = await read_json(request, BounceBody)
        return accepted(await actions.bounce(actions.asker(request, principal, body), body))

    @router.post("/reroute", **_described("reroute", RerouteBody))
    async def reroute(request: Request, principal: Principal | None = routing) -> Response:
        """Send messages another way: their next pass takes the named transport of the workspace's route, or any but the
        present one. Where the route leaves no choice they go as before."""
        body = await read_json(request, RerouteBody)
        return accepted(await actions.reroute(actions.asker(request, principal, body), body))


def _described(name: str, body: type[Any], *statuses: int) -> dict[str, Any]:
    described = replies(202, JobView, "The job", *KEY, 404, *BODY, *statuses, _409=TOO_MANY)
    described[202]["headers"] = LOCATION
    return {
        "status_code": 202,
        "operation_id": f"{name}_queue",
        "openapi_extra": body_of(body, EXAMPLE[name]),
        "responses": described,
    }
