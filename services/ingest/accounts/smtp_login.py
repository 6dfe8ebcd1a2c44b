"""Who may use the SMTP door: a credential's user name and password, or any user name with an API key as password."""

from __future__ import annotations

from services.ingest.accounts.credentials import SCOPE, as_key
from services.ingest.accounts.uses import Uses
from shared.auth import Authenticator, Principal
from shared.client_address import parse_node
from shared.contracts.entities import Kind, SmtpCredential, Workspace
from shared.errors import ProblemError
from shared.mongo.entities import Entity
from shared.mongo.entity_cache import EntityCache
from shared.secrets import smtp_digest
from shared.tokens import is_api_key


class SmtpLogin:
    """Answers for AUTH (RFC 4954) with the caller whose door this is, as if by a key with the scope `email.send`."""

    def __init__(self, cache: EntityCache, authenticator: Authenticator, uses: Uses, pepper: bytes) -> None:
        self._cache = cache
        self._authenticator = authenticator
        self._uses = uses
        self._pepper = pepper

    async def authenticate(self, user: str, password: str, address: str | None = None) -> Principal | None:
        """The caller, None where user name and password open nothing. Raises PyMongoError.

        `address` is the connection's other end; without it a key that is bound to addresses opens nothing. An unknown
        user name and a wrong password cost the same: both are one digest that is looked up and not found.
        """
        if not (user.isascii() and password.isascii()):
            return None
        if is_api_key(password):
            principal = await self._by_key(password, address)
        else:
            digest = smtp_digest(self._pepper, user, password)
            principal = await self._of(await self._cache.find_one(Kind.SMTP_CREDENTIAL, "digest", digest))
        if principal is not None:
            self._uses.note(principal.key_id)
        return principal

    async def renew(self, principal: Principal) -> Principal | None:
        """The caller as it is now, None where it may do nothing any more: for each transaction of a long session."""
        renewed = await self._authenticator.renew(principal)
        if renewed is None:
            return await self._of(await self._cache.get(Kind.SMTP_CREDENTIAL, principal.key_id))
        return renewed if SCOPE in renewed.key.scopes else None

    async def _by_key(self, key: str, address: str | None) -> Principal | None:
        try:
            principal = await self._authenticator.verify(key, parse_node(address) if address is not None else None)
            principal.require_scope(SCOPE)
        except ProblemError:
            return None
        return principal

    async def _of(self, entity: Entity | None) -> Principal | None:
        if entity is None or entity.workspace_id is None:
            return None
        workspace = await self._cache.get(Kind.WORKSPACE, entity.workspace_id)
        if workspace is None:
            return None
        key = as_key(SmtpCredential.model_validate(entity.data))
        return Principal(entity.id, key, workspace.id, Workspace.model_validate(workspace.data), workspace.version)
