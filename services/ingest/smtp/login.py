"""Who may submit: what is behind a user name and a password."""

from __future__ import annotations

from typing import Protocol

from shared.auth import Authenticator, Principal
from shared.errors import ProblemError


class Login(Protocol):
    """Checks a user name and a password; asked again before each message, so that what is revoked ends at once."""

    async def authenticate(self, user: str, password: str) -> Principal | None:
        """The caller, or None; raises PyMongoError where that cannot be known now."""


class ApiKeyLogin:
    """Any user name, with an API key that has the scope `email.send` as the password."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def authenticate(self, user: str, password: str) -> Principal | None:
        try:
            principal = await self._authenticator.principal(f"Bearer {password}")
            principal.require_scope("email.send")
        except ProblemError:
            return None
        return principal


class FirstOf:
    """Several kinds of logins, asked in turn."""

    def __init__(self, *logins: Login) -> None:
        self._logins = logins

    async def authenticate(self, user: str, password: str) -> Principal | None:
        for login in self._logins:
            principal = await login.authenticate(user, password)
            if principal is not None:
                return principal
        return None
