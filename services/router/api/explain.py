"""`/v1/routes/explain`: what would become of a message, under the rules as they are or under a draft of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.router.api.drafts import compiled_drafts
from services.router.api.rule_sets import RuleSetApi
from services.router.api.schemas import EXPLANATION, PLATFORM_EXPLANATION, ExplanationView
from services.router.explanation import explained
from services.router.handlers import Destinations
from services.router.health import Health
from services.router.routes.model import Printable, RuleSet, Tag, TransportId
from services.router.rules import choose, decide
from services.router.store.configurations import Configurations
from shared.addresses import InvalidAddressError, parse_address, parse_mailbox
from shared.api import json_response, read_json, service_router
from shared.auth import Principal, caller, operator
from shared.contracts.messages import LastAttempt, Message, RecipientType, Reroute, Seen, Versions
from shared.contracts.topics import Stream
from shared.errors import Fault, invalid_request
from shared.openapi.operations import BODY, KEY, OPERATOR, body_of, replies
from shared.service import Base
from shared.tokens import uuid7

LIFE = timedelta(hours=48)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class LastBody(_Body):
    """The attempt before: where it was made, what it came to, and whose fault that was."""

    transport: TransportId
    outcome: Printable = Field("", max_length=200)
    scope: Literal["transport", "recipient", "message"] | None = None
    full: list[TransportId] = Field([], max_length=10)


class RerouteBody(_Body):
    take: TransportId | None = None
    avoid: TransportId | None = None


class ExplainBody(_Body):
    """A message that nobody sends. `message_id` is what draws among the transports of a tier; `draft` stands for the
    workspace's rules, and is stored nowhere."""

    from_: str = Field(alias="from", max_length=1000)
    to: str = Field(max_length=1000)
    stream: Stream = Stream.PRODUCT
    tags: list[Tag] = Field([], max_length=20)
    size: int = Field(0, ge=0, le=2**53)
    attempt: int = Field(0, ge=0, le=10_000)
    message_id: Printable | None = Field(None, min_length=1, max_length=64)
    last: LastBody | None = None
    reroute: RerouteBody | None = None
    draft: RuleSet | None = None


class PlatformExplainBody(ExplainBody):
    """As for a workspace, and whose message it is; `draft` stands for the platform's rules."""

    workspace: str = Field(min_length=1, max_length=64)


class Explaining:
    """Decides as the pipeline does, and publishes nothing."""

    def __init__(
        self,
        configurations: Configurations,
        destinations: Destinations,
        health: Callable[[], Health],
        rules: RuleSetApi,
    ) -> None:
        self._configurations = configurations
        self._destinations = destinations
        self._health = health
        self._rules = rules

    async def decide(self, workspace_id: str, body: ExplainBody, *, shared: bool) -> dict[str, Any]:
        """The decision, explained; raises a 422 problem. `shared` says that a draft is one of the platform's rules."""
        drafts = await compiled_drafts(self._rules, None if shared else workspace_id, body.draft)
        known = (await self._configurations.of_workspaces({workspace_id: 0}, drafts))[workspace_id]
        if not known.workspace_version:
            raise invalid_request([Fault("#/workspace", "unknown_workspace", "There is no such workspace.")])
        now, health = datetime.now(UTC), self._health()
        message = _message(workspace_id, known.workspace_version, body, now)
        choice = choose(message, known, health, now)
        found = await self._destinations.of([choice.domain] if choice.domain else [])
        destination = found[choice.domain] if choice.domain else None
        return explained(decide(message, choice, known, destination, health, now))


def _message(workspace_id: str, workspace_version: int, body: ExplainBody, now: datetime) -> Message:
    faults = []
    sender = recipient = ""
    try:
        sender = parse_mailbox(body.from_).address
    except InvalidAddressError as error:
        faults.append(Fault("#/from", "invalid_address", f"The address {error}."))
    try:
        recipient = parse_address(body.to, smtputf8=True)
    except InvalidAddressError as error:
        faults.append(Fault("#/to", "invalid_address", f"The address {error}."))
    if faults:
        raise invalid_request(faults)
    return Message(
        message_id=body.message_id or uuid7(),
        submission_id=uuid7(),
        workspace_id=workspace_id,
        lane=body.stream.lane,
        stream=body.stream,
        recipient=recipient,
        recipient_type=RecipientType.TO,
        sender=sender,
        content_id=uuid7(),
        size=body.size,
        tags=body.tags,
        accepted_at=now,
        expires_at=now + LIFE,
        attempt=body.attempt,
        versions=Versions(workspace=workspace_version, domain=0),
        seen=Seen(accepted=now),
        last=LastAttempt(**body.last.model_dump()) if body.last else None,
        reroute=Reroute(**body.reroute.model_dump()) if body.reroute else None,
    )


def explain_router(base: Base, explaining: Explaining) -> APIRouter:
    router = service_router(base.tracing, "/v1", ["routes"])
    allowed = caller(base.authenticator, "routing")
    described = replies(200, ExplanationView, "The decision", *KEY, *BODY)

    @router.post(
        "/routes/explain", operation_id="explain_route", openapi_extra=body_of(ExplainBody, EXPLANATION),
        responses=described,
    )  # fmt: skip
    async def explain_route(request: Request, principal: Principal = allowed) -> Response:
        """What would become of a message now. Nothing is sent or stored. What became of a message that was sent stands
        in its trace, `GET /v1/emails/{id}/trace`."""
        body = await read_json(request, ExplainBody)
        return json_response(200, await explaining.decide(principal.workspace_id, body, shared=False))

    @router.post(
        "/platform/routes/explain", operation_id="explain_platform_route", tags=["platform"],
        dependencies=[operator(base.authenticator)],
        openapi_extra=body_of(PlatformExplainBody, PLATFORM_EXPLANATION),
        responses=replies(200, ExplanationView, "The decision", *OPERATOR, *BODY),
    )  # fmt: skip
    async def explain_platform_route(request: Request) -> Response:
        """What would become of a workspace's message now. Nothing is sent or stored."""
        body = await read_json(request, PlatformExplainBody)
        return json_response(200, await explaining.decide(body.workspace, body, shared=True))

    return router
