"""Who is asking: API keys and their scopes, checked in every `http` role against the service's own copy."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import Depends, Request

from shared.contracts.entities import ApiKey, Kind, Workspace
from shared.errors import ProblemError
from shared.mongo.entities import Entity
from shared.mongo.entity_cache import EntityCache
from shared.secrets import api_key_digest
from shared.settings import SharedSettings
from shared.tokens import is_api_key

WORKSPACE_SCOPES = (
    "email.send",
    "email.history",
    "tracking.read",
    "contacts",
    "templates",
    "domains",
    "suppressions",
    "webhooks",
    "routing",
    "keys",
    "admin",
)

MOST_PRINCIPALS = 10_000


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller: the key, and the workspace that it selects."""

    key_id: str
    key: ApiKey
    workspace_id: str
    workspace: Workspace
    workspace_version: int

    def require_scope(self, scope: str) -> None:
        """Raises a 403 problem where the key lacks the scope."""
        if scope not in self.key.scopes:
            raise ProblemError(
                403, "missing_scope", f"This key has no scope {scope!r}.", members={"required_scope": scope}
            )

    def require_workspace(self, workspace_id: str) -> None:
        """Raises a 404 problem where a path names another workspace than the key's: nothing is given away."""
        if workspace_id != self.workspace_id:
            raise ProblemError(404, "not_found", "No such workspace.")


def _unauthorized(detail: str, code: str = "unauthorized") -> ProblemError:
    return ProblemError(401, code, detail, headers={"WWW-Authenticate": 'Bearer realm="posthorn"'})


class Authenticator:
    """Verifies bearer keys (RFC 6750 section 2.1)."""

    def __init__(self, cache: EntityCache, settings: SharedSettings) -> None:
        self._cache = cache
        self._pepper = settings.pepper_bytes
        self._operator = settings.operator_token
        # by key id, with the entities that each was made from
        self._principals: dict[str, tuple[Entity, Entity, Principal]] = {}

    async def principal(self, authorization: str | None) -> Principal:
        """The caller; raises a 401 problem."""
        key = bearer(authorization)
        if not is_api_key(key):
            raise _unauthorized("The API key is not valid.")
        entity = await self._cache.find_one(Kind.API_KEY, "digest", api_key_digest(self._pepper, key))
        if entity is None or entity.workspace_id is None:
            raise _unauthorized("The API key is not valid.")
        workspace = await self._cache.get(Kind.WORKSPACE, entity.workspace_id)
        if workspace is None:
            raise _unauthorized("The API key is not valid.")
        principal = self._principal_of(entity, workspace)
        if principal.key.expires_at and principal.key.expires_at <= datetime.now(UTC):
            raise _unauthorized("The API key has expired.", "key_expired")
        return principal

    def _principal_of(self, key: Entity, workspace: Entity) -> Principal:
        known = self._principals.get(key.id)
        if known is not None and known[0] is key and known[1] is workspace:
            return known[2]
        if len(self._principals) >= MOST_PRINCIPALS:
            self._principals.clear()
        principal = Principal(
            key.id,
            ApiKey.model_validate(key.data),
            workspace.id,
            Workspace.model_validate(workspace.data),
            workspace.version,
        )
        self._principals[key.id] = key, workspace, principal
        return principal

    def require_operator(self, authorization: str | None) -> None:
        """Raises a 401 problem unless the operator's token is given."""
        given = bearer(authorization)
        if self._operator is None or not hmac.compare_digest(
            given.encode(), self._operator.get_secret_value().encode()
        ):
            raise _unauthorized("This needs the operator's token.")


def bearer(authorization: str | None) -> str:
    """The token of an Authorization header; raises a 401 problem where there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthorized("An API key is needed: 'Authorization: Bearer ph_live_…'.")
    return token.strip()


def caller(authenticator: Authenticator, scope: str) -> Any:
    """A FastAPI default (`principal: Principal = caller(…)`) that holds the gates in their order: 401 for the key, 404
    for a path that names another workspace, 403 for the scope."""

    async def dependency(request: Request) -> Principal:
        principal = await authenticator.principal(request.headers.get("authorization"))
        if "workspace" in request.path_params:
            principal.require_workspace(request.path_params["workspace"])
        principal.require_scope(scope)
        return principal

    return Depends(dependency)


def operator(authenticator: Authenticator) -> Any:
    """A FastAPI dependency that lets only the operator in."""

    async def dependency(request: Request) -> None:
        authenticator.require_operator(request.headers.get("authorization"))

    return Depends(dependency)
