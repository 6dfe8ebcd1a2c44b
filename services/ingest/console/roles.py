"""What people of an OpenID Connect provider may do: their groups as roles in workspaces. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from shared.auth import WORKSPACE_SCOPES


class Role(StrEnum):
    """Each may what those before it may."""

    VIEWER = "viewer"
    SUPPORT = "support"
    DEVELOPER = "developer"
    ADMIN = "admin"


ADDED: dict[Role, tuple[str, ...]] = {
    Role.VIEWER: ("email.history", "tracking.read"),
    Role.SUPPORT: ("email.send", "suppressions", "contacts"),
    Role.DEVELOPER: ("templates", "domains", "webhooks", "routing", "keys"),
    Role.ADMIN: ("admin",),
}


class Grant(BaseModel):
    """What the members of a group are, and in which workspace (its id)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workspace: str
    role: Role


def scopes_of(role: Role) -> tuple[str, ...]:
    """The scopes of a role, in the order of the API's."""
    may: set[str] = set()
    for each in Role:
        may |= set(ADDED[each])
        if each is role:
            break
    return tuple(scope for scope in WORKSPACE_SCOPES if scope in may)


def roles_in_workspaces(claims: Mapping[str, Any], claim: str, grants: Mapping[str, Grant]) -> dict[str, Role]:
    """The highest role that somebody's groups give in each workspace. A claim that is one text counts as a list of it;
    anything else gives nothing."""
    told = claims.get(claim)
    groups = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    ranks = list(Role)
    found: dict[str, Role] = {}
    for grant in (grants[group] for group in groups if isinstance(group, str) and group in grants):
        best = found.get(grant.workspace, grant.role)
        found[grant.workspace] = max(best, grant.role, key=ranks.index)
    return found
