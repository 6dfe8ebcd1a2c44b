"""The five services and their roles, and how a command names them."""

from __future__ import annotations

SERVICES: dict[str, tuple[str, ...]] = {
    "ingest": ("http", "smtp", "relay", "projector"),
    "router": ("http", "route", "health"),
    "suppression": ("http", "check"),
    "sender": ("http", "deliver", "returns"),
    "webhooks": ("http", "dispatch"),
}


class UnknownRoleError(ValueError):
    """No such service or role."""


def parse_spec(spec: str) -> tuple[str, frozenset[str]]:
    """`ingest:http,relay` as name and roles; a bare name means every role. Raises UnknownRoleError."""
    name, _, text = spec.partition(":")
    if name not in SERVICES:
        raise UnknownRoleError(f"no service {name!r}; there are {', '.join(SERVICES)}")
    roles = frozenset(text.split(",")) if text else frozenset(SERVICES[name])
    unknown = roles - set(SERVICES[name])
    if unknown:
        raise UnknownRoleError(f"{name} has no role {', '.join(sorted(unknown))}; it has {', '.join(SERVICES[name])}")
    return name, roles
