"""The form of a transport: what its fields ask the API for, and how a transport fills it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from services.router.api.bodies import TransportBody, TransportChanges
from services.router.api.health_schemas import BreakerChange
from shared.api import faults_of
from shared.errors import invalid_request

M = TypeVar("M", bound=BaseModel)
KINDS = (("smarthost", "A smart host, which takes all of it"), ("direct", "The recipients’ own mail hosts"))
TLS = (
    ("disabled", "Never"),
    ("opportunistic", "Where the host offers it"),
    ("required", "Always, with any certificate"),
    ("verify", "Always, with a certificate that is checked"),
    ("implicit", "From the first byte, with a certificate that is checked"),
)
PERIODS = (("", "until it is closed by hand"), ("600", "10 minutes"), ("3600", "1 hour"), ("86400", "1 day"))
TEXTS = ("name", "host", "port", "tls", "username", "password", "weight", "ehlo_name")
LIMITS = ("max_connections", "max_per_connection")
FIELDS = (*TEXTS, *LIMITS)
NEW: Mapping[str, Any] = {
    **dict.fromkeys(FIELDS, ""), "kind": "smarthost", "port": "587", "tls": "required", "weight": "100",
}  # fmt: skip


def filled(view: Mapping[str, Any]) -> dict[str, Any]:
    """The form of a transport that is there; never its password."""
    return {name: "" if view.get(name) is None else str(view[name]) for name in FIELDS} | {"kind": view["kind"]}


def new_transport(given: Mapping[str, str]) -> TransportBody:
    """What a form without its empty fields asks for; raises a 422 problem."""
    named = {name: given[name] for name in (*FIELDS, "kind") if name in given}
    if named.get("kind") == "direct" and named.get("port") == NEW["port"]:
        del named["port"]  # as the form had it for a smart host
    return _valid(TransportBody, named)


def changes_of(given: Mapping[str, str], view: Mapping[str, Any]) -> TransportChanges:
    """What a form asks to be changed. An empty password keeps the one that is there, an empty user name takes both
    away. Raises a 422 problem."""
    direct = view["kind"] == "direct"
    wanted: dict[str, Any] = {name: given.get(name) for name in ("ehlo_name", *LIMITS)}
    wanted |= {name: given.get(name, "") for name in ("name", "port", "tls", "weight")}
    if not direct:
        wanted |= {"host": given.get("host", ""), "username": given.get("username")}
        if "password" in given:
            wanted["password"] = given["password"]
        elif "username" not in given:
            wanted["password"] = None
    return _valid(TransportChanges, wanted)


def breaker_change(given: Mapping[str, str]) -> BreakerChange:
    """What the form of a breaker asks for; raises a 422 problem."""
    named = {name: given[name] for name in ("state", "rollup", "seconds", "reason") if name in given}
    if named.get("state") == "closed":
        named.pop("seconds", None)
    return _valid(BreakerChange, named)


def _valid(model: type[M], named: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(named)
    except ValidationError as error:
        raise invalid_request(faults_of(error.errors())) from error
