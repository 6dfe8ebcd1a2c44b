"""What the OpenAPI document says of transports, failover orders and rules."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from services.router.api.bodies import SourceBody
from services.router.routes.model import Quarantine, Rule
from shared.contracts.messages import TlsMode
from shared.contracts.topics import Lane
from shared.openapi.operations import BODY, Described, replies

SMART_HOST = {
    "name": "relay",
    "kind": "smarthost",
    "host": "smtp.example.com",
    "port": 587,
    "tls": "required",
    "username": "acme",
    "password": "correct horse battery staple",
}
CHANGES = {"weight": 50, "max_connections": 10}
ORDER = {"transports": ["direct"]}
RULE = {
    "name": "Receipts to freemail go by the pool, none larger than 1 MB",
    "when": {"tags": ["receipt"], "recipient_domains": ["example.com", "*.example.net"], "size": {"at_most": 1000000}},
    "route": [[{"transport": "direct", "weight": 3}]],
    "lane": "standard",
}
CHANGED_RULE = {"when": {"tags": ["invoice"]}, "hold": {"reason": "the figures are wrong"}}
HELD = {"id": "partner-moves", "when": {"recipient_domains": ["partner.example"]}, "hold": {"reason": "they move"}}
RULES = {"transports": ["direct"], "rules": [{"id": "codes", "when": {"tags": ["code"]}, "lane": "critical"}, HELD]}
PLATFORM_RULES = {
    "transports": ["direct"],
    "rules": [{"id": "old", "when": {"attempt": {"at_least": 50}}, "reject": {"reason": "too_many_attempts"}}],
    "quarantine": {"hold": True},
}

EXPLANATION = {
    "from": "alerts@acme.example",
    "to": "ann@example.com",
    "tags": ["receipt"],
    "draft": {"rules": [{"id": "receipts", **RULE}]},
}
PLATFORM_EXPLANATION = {"workspace": "…", "from": "alerts@acme.example", "to": "ann@example.com"}


class TransportView(BaseModel):
    """A transport: never its password, and its user name and sources only to its owner; `shared` ones are the
    platform's."""

    id: str
    name: str
    kind: Literal["direct", "smarthost"]
    host: str | None
    port: int
    tls: TlsMode
    weight: int
    enabled: bool
    max_connections: int | None
    max_per_connection: int | None
    ehlo_name: str | None
    sources: list[SourceBody]
    username: str | None
    has_password: bool
    shared: bool
    version: int


class TransportPage(BaseModel):
    data: list[TransportView]
    has_more: bool
    next_cursor: str | None


class RouteView(BaseModel):
    """The transports' ids in failover order: the platform's where the workspace has set none. The version is that of
    the workspace's whole set of rules, 0 where nothing was ever written."""

    id: Literal["default"]
    transports: list[str]
    version: int


class RuleSetView(BaseModel):
    """A set of rules; version 0 where nothing was ever written. No transports: the platform's failover order holds."""

    version: int
    transports: list[str]
    rules: list[Rule]


class PlatformRuleSetView(RuleSetView):
    quarantine: Quarantine | None


class RuleView(Rule):
    """A rule, its position in the set from 0, and the set's version."""

    position: int
    version: int


class CandidateView(BaseModel):
    """A transport that was considered. `score` falls from 1 along the order in which the message would try them; 0
    cannot be used. `lost` says why it is not taken."""

    transport: str
    name: str
    kind: Literal["direct", "smarthost"] | None
    score: float
    tier: int | None
    weight: int | None
    lost: str | None


class ExplanationView(BaseModel):
    """`outcome` is `route`, or what stops the message; `summary` says in words all that the other members do."""

    outcome: Literal["route", "no_route", "reject", "wait_until"]
    lane: Lane
    rule: str | None
    rule_version: int | None
    why: str | None
    route: dict[str, Any] | None
    verdict: dict[str, Any] | None
    candidates: list[CandidateView]
    inputs: dict[str, Any]
    summary: list[str]


LOCATION: dict[str, Any] = {"Location": {"$ref": "#/components/headers/Location"}}


def replies_with_rule(*statuses: int) -> Described:
    """The replies of a route that adds a rule."""
    described = replies(201, RuleView, "The new rule", *statuses, *BODY)
    described[201]["headers"] = LOCATION
    return described
