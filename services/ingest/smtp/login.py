"""Who may submit: what is behind a user name and a password."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from shared.auth import Authenticator, Principal
from shared.contracts.entities import ApiKey, Kind, Workspace
from shared.errors import ProblemError
from shared.mongo.entity_cache import EntityCache

SCOPE = "email.send"


class Login(Protocol):
    """Checks logins; both raise PyMongoError where that cannot be done now."""

    async def authenticate(self, user: str, password: str, address: str | None = None) -> Principal | None:
        """The caller, None where user name and password open nothing; `address` is the connection's other end."""

    async def renew(self, principal: Principal) -> Principal | None:
        """The caller as it is now, None where it was revoked: asked before each message of a connection."""


class ApiKeyLogin:
    """Any user name, with an API key that has the scope `email.send` as the password."""

    def __init__(self, authenticator: Authenticator, cache: EntityCache) -> None:
        self._authenticator = authenticator
        self._cache = cache

    async def authenticate(self, user: str, password: str, address: str | None = None) -> Principal | None:
        try:
            principal = await self._authenticator.principal(f"Bearer {password}")
        except ProblemError:
            return None
        return principal if SCOPE in principal.key.scopes else None

    async def renew(self, principal: Principal) -> Principal | None:
        entity = await self._cache.get(Kind.API_KEY, principal.key_id)
        workspace = await self._cache.get(Kind.WORKSPACE, principal.workspace_id)
        if entity is None or workspace is None:
            return None
        key = ApiKey.model_validate(entity.data)
        if SCOPE not in key.scopes or (key.expires_at is not None and key.expires_at <= datetime.now(UTC)):
            return None
        return Principal(entity.id, key, workspace.id, Workspace.model_validate(workspace.data), workspace.version)
