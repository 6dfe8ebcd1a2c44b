"""The form of a transport: what its fields ask the API for, and how a transport fills it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.router.api.bodies import TransportBody, TransportChanges
from services.router.api.health_schemas import BreakerChange
from shared.console.forms import as_body

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
OF_BREAKER = ("state", "rollup", "seconds", "reason")
NEW: Mapping[str, Any] = {
    **dict.fromkeys(FIELDS, ""), "kind": "smarthost", "port": "587", "tls": "required", "weight": "100",
}  # fmt: skip


def filled(view: Mapping[str, Any]) -> dict[str, Any]:
    """The form of a transport that is there; never its password."""
    return {name: "" if view.get(name) is None else str(view[name]) for name in FIELDS} | {"kind": view["kind"]}


def new_transport(fields: Mapping[str, str]) -> TransportBody:
    """What a form asks for, a default for each field that is empty; raises a 422 problem."""
    named = {name: fields[name] for name in (*FIELDS, "kind") if fields[name]}
    if named.get("kind") == "direct" and named.get("port") == NEW["port"]:
        del named["port"]  # as the form had it for a smart host
    return as_body(TransportBody, named)


def changes_of(fields: Mapping[str, str], view: Mapping[str, Any]) -> TransportChanges:
    """What a form asks to be changed. An empty password keeps the one that is there, an empty user name takes both
    away. Raises a 422 problem."""
    wanted: dict[str, Any] = {name: fields[name] or None for name in ("ehlo_name", *LIMITS)}
    wanted |= {name: fields[name] for name in ("name", "port", "tls", "weight")}
    if view["kind"] != "direct":
        wanted |= {"host": fields["host"], "username": fields["username"] or None}
        if fields["password"]:
            wanted["password"] = fields["password"]
        elif not fields["username"]:
            wanted["password"] = None
    return as_body(TransportChanges, wanted)


def breaker_change(fields: Mapping[str, str]) -> BreakerChange:
    """What the form of a breaker asks for; raises a 422 problem."""
    named = {name: fields[name] for name in OF_BREAKER if fields[name]}
    if named.get("state") == "closed":
        named.pop("seconds", None)
    return as_body(BreakerChange, named)
