"""Who asks: a workspace by its key, or the operator, about the platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Depends

from services.suppression.documents.updates import Removal
from shared.auth import Authenticator, Principal, caller, operator


@dataclass(frozen=True, slots=True)
class Caller:
    """`principal` None is the operator, and what is asked about is the platform's."""

    principal: Principal | None = None

    @property
    def workspace_id(self) -> str | None:
        return None if self.principal is None else self.principal.workspace_id

    @property
    def key_id(self) -> str | None:
        return None if self.principal is None else self.principal.key_id

    @property
    def origin(self) -> str:
        return "operator" if self.principal is None else "api"

    @property
    def is_admin(self) -> bool:
        return self.principal is None or "admin" in self.principal.key.scopes

    def require_admin(self) -> None:
        """Raises a 403 problem."""
        if self.principal is not None:
            self.principal.require_scope("admin")

    def removal(self, why: str | None) -> Removal:
        return Removal(self.key_id, self.origin, why)


def of_workspaces(authenticator: Authenticator) -> Any:
    """A FastAPI default that lets keys with the scope `suppressions` in."""

    async def dependency(principal: Principal = caller(authenticator, "suppressions")) -> Caller:
        return Caller(principal)

    return Depends(dependency)


def of_platform(authenticator: Authenticator) -> Any:
    """A FastAPI default that lets the operator in."""

    async def dependency(_: None = operator(authenticator)) -> Caller:
        return Caller()

    return Depends(dependency)
