"""What the OpenAPI document says of transports and default routes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from services.router.api.bodies import SourceBody
from shared.contracts.messages import TlsMode

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
    """The transports' ids in failover order; version 0 is the platform's order, which holds where none was set."""

    id: Literal["default"]
    transports: list[str]
    version: int


LOCATION: dict[str, Any] = {"Location": {"$ref": "#/components/headers/Location"}}
