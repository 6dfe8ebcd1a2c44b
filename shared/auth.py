"""Who is asking: API keys and their scopes, checked in every `http` role against the service's own copy."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import Depends, Request

from shared.client_address import IpAddress, IpNetwork, TrustedProxies, lies_in, parse_network
from shared.console.session import Session, fingerprint_of
from shared.contracts.entities import ApiKey, Kind, Workspace
from shared.errors import ProblemError
from shared.mongo.entities import Entity
from shared.mongo.entity_cache import EntityCache
from shared.openapi.security import key_with, operator_token
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
    """An authenticated caller: the key, the workspace that it selects, and the `networks` of its `allowed_ips`."""

    key_id: str
    key: ApiKey
    workspace_id: str
    workspace: Workspace
    workspace_version: int
    networks: tuple[IpNetwork, ...] = ()

    def require_scope(self, scope: str) -> None:
        """Raises a 403 problem where the key lacks the scope."""
        if scope not in self.key.scopes:
            raise ProblemError(
                403, "missing_scope", f"This key has no scope {scope!r}.", members={"required_scope": scope}
            )

    def require_content(self) -> None:
        """Raises a 403 problem where the workspace keeps nothing of what its messages say."""
        if not self.workspace.keep_content:
            raise ProblemError(
                403, "content_not_kept", "This workspace keeps nothing of what its messages say, and previews none."
            )

    def require_feature(self, feature: str) -> None:
        """Raises a 403 problem, with the members that callers of such APIs look for, where the workspace lacks it."""
        if feature not in self.workspace.features:
            raise ProblemError(
                403,
                "upgrade_needed",
                f"This workspace has no access to {feature.partition('.')[0]}.",
                members={"error": "upgrade_needed", "feature": feature},
            )

    def require_workspace(self, workspace_id: str) -> None:
        """Raises a 404 problem where a path names another workspace than the key's: nothing is given away."""
        if workspace_id != self.workspace_id:
            raise ProblemError(404, "not_found", "No such workspace.")

    def require_address(self, address: IpAddress | None) -> None:
        """Raises a 401 problem where the key may not be used from the address, or where that is not known."""
        if self.networks and (address is None or not lies_in(address, self.networks)):
            place = f"from {address}" if address is not None else "from an address that is not known"
            raise _unauthorized(f"This key may not be used {place}.", "address_not_allowed")

    def may_send_from(self, domain: str) -> bool:
        """Whether the key may send from a domain (an A-label in lower case); a bound key only from just those it names,
        not from domains below them."""
        return not self.key.domains or domain in self.key.domains


Admitted = Callable[[Request, Principal], None]


def _unauthorized(detail: str, code: str = "unauthorized") -> ProblemError:
    return ProblemError(401, code, detail, headers={"WWW-Authenticate": 'Bearer realm="posthorn"'})


class Authenticator:
    """Verifies bearer keys (RFC 6750 section 2.1)."""

    def __init__(self, cache: EntityCache, settings: SharedSettings) -> None:
        self._cache = cache
        self._pepper = settings.pepper_bytes
        self._operator = settings.operator_token
        self._proxies = TrustedProxies(settings.trusted_networks)
        self._admitted: list[Admitted] = []
        # by key id, with the entities that each was made from
        self._principals: dict[str, tuple[Entity, Entity, Principal]] = {}

    def on_admitted(self, act: Admitted) -> None:
        """Has `act` called with every request whose key is good, before anything else is done about it; what it raises
        is the answer."""
        self._admitted.append(act)

    async def admit(self, request: Request) -> Principal:
        """The request's caller; raises a 401 problem, and what was asked for with `on_admitted`."""
        return self._let_in(request, await self._principal(bearer(request.headers.get("authorization"))))

    def admit_remembered(self, request: Request) -> Principal | None:
        """As `admit`, for a caller of whom everything is remembered; None where the database has to be asked."""
        digest = api_key_digest(self._pepper, bearer(request.headers.get("authorization")))
        key = self._cache.remembered_one(Kind.API_KEY, "digest", digest)
        workspace = self._cache.remembered(Kind.WORKSPACE, key.workspace_id) if key and key.workspace_id else None
        if key is None or workspace is None:
            return None
        principal = self._principal_of(key, workspace)
        return None if _is_past(principal.key.expires_at) else self._let_in(request, principal)

    def _let_in(self, request: Request, principal: Principal) -> Principal:
        if principal.networks:
            principal.require_address(self.address_of(request))
        for act in self._admitted:
            act(request, principal)
        return principal

    async def verify(self, key: str, address: IpAddress | None) -> Principal:
        """Who uses a key from an address, by another door than HTTP; raises a 401 problem."""
        principal = await self._principal(key)
        principal.require_address(address)
        return principal

    async def renew(self, principal: Principal) -> Principal | None:
        """The caller as its key and workspace are now; None where either is there no more, or has expired."""
        entity = await self._cache.get(Kind.API_KEY, principal.key_id)
        workspace = await self._cache.get(Kind.WORKSPACE, principal.workspace_id)
        if entity is None or workspace is None:
            return None
        renewed = self._principal_of(entity, workspace)
        return None if _is_past(renewed.key.expires_at) else renewed

    async def of_session(self, session: Session) -> Principal | None:
        """Whose session of the console it is, as key and workspace are now; None where either is there no more."""
        workspace = await self._cache.get(Kind.WORKSPACE, session.workspace_id)
        if workspace is None:
            return None
        if session.key_id is None:
            granted = ApiKey.model_construct(name=session.name, digest="", prefix="", scopes=list(session.scopes))
            return _principal(f"console:{session.name}", granted, workspace)
        entity = await self._cache.get(Kind.API_KEY, session.key_id)
        if entity is None or entity.workspace_id != session.workspace_id:
            return None
        principal = self._principal_of(entity, workspace)
        key = principal.key
        if _is_past(key.expires_at):
            return None
        if fingerprint_of(key.digest) == session.fingerprint:
            return principal
        replaced = key.previous_digest is not None and fingerprint_of(key.previous_digest) == session.fingerprint
        return principal if replaced and not _is_past(key.previous_until) else None

    def address_of(self, request: Request) -> IpAddress | None:
        """Where a request came from, as far as the trusted proxies' word goes; None where it cannot be told."""
        peer = request.client.host if request.client else None
        return self._proxies.client(peer, request.headers.getlist("x-forwarded-for"))

    async def _principal(self, key: str) -> Principal:
        if not is_api_key(key):
            raise _unauthorized("The API key is not valid.")
        digest = api_key_digest(self._pepper, key)
        entity = await self._cache.find_one(Kind.API_KEY, "digest", digest)
        if entity is None:
            entity = await self._cache.find_one(Kind.API_KEY, "previous_digest", digest)
        if entity is None or entity.workspace_id is None:
            raise _unauthorized("The API key is not valid.")
        workspace = await self._cache.get(Kind.WORKSPACE, entity.workspace_id)
        if workspace is None:
            raise _unauthorized("The API key is not valid.")
        principal = self._principal_of(entity, workspace)
        if _is_past(principal.key.expires_at):
            raise _unauthorized("The API key has expired.", "key_expired")
        if principal.key.digest != digest and _is_past(principal.key.previous_until):
            raise _unauthorized("The API key was replaced by a new one.", "key_expired")
        return principal

    def _principal_of(self, key: Entity, workspace: Entity) -> Principal:
        known = self._principals.get(key.id)
        if known is not None and known[0] is key and known[1] is workspace:
            return known[2]
        if len(self._principals) >= MOST_PRINCIPALS:
            self._principals.clear()
        principal = _principal(key.id, ApiKey.model_validate(key.data), workspace)
        self._principals[key.id] = key, workspace, principal
        return principal

    def is_operator(self, authorization: str | None) -> bool:
        """Whether the operator's token is given; raises a 401 problem where none is given at all."""
        given = bearer(authorization)
        return self._operator is not None and hmac.compare_digest(
            given.encode(), self._operator.get_secret_value().encode()
        )

    def require_operator(self, authorization: str | None) -> None:
        """Raises a 401 problem unless the operator's token is given."""
        if not self.is_operator(authorization):
            raise _unauthorized("This needs the operator's token.")


def _principal(key_id: str, key: ApiKey, workspace: Entity) -> Principal:
    return Principal(
        key_id,
        key,
        workspace.id,
        Workspace.model_validate(workspace.data),
        workspace.version,
        tuple(map(parse_network, key.allowed_ips)),
    )


def _is_past(moment: datetime | None) -> bool:
    return moment is not None and moment <= datetime.now(UTC)


def bearer(authorization: str | None) -> str:
    """The token of an Authorization header; raises a 401 problem where there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthorized("An API key is needed: 'Authorization: Bearer ph_live_…'.")
    return token.strip()


def caller(authenticator: Authenticator, scope: str) -> Any:
    """A FastAPI default (`principal: Principal = caller(…)`) that holds the gates in their order: 401 for the key, 404
    for a path that names another workspace, 403 for the scope."""

    async def dependency(request: Request, _: Any = key_with(scope)) -> Principal:
        return await _through_the_gates(authenticator, scope, request)

    return Depends(dependency)


def operator_or_caller(authenticator: Authenticator, scope: str) -> Any:
    """A FastAPI default (`principal: Principal | None = operator_or_caller(…)`): None is the operator; any other caller
    passes the gates of `caller`."""

    async def dependency(
        request: Request, _key: Any = key_with(scope), _token: Any = operator_token()
    ) -> Principal | None:
        if authenticator.is_operator(request.headers.get("authorization")):
            return None
        return await _through_the_gates(authenticator, scope, request)

    return Depends(dependency)


async def _through_the_gates(authenticator: Authenticator, scope: str, request: Request) -> Principal:
    principal = await authenticator.admit(request)
    if "workspace" in request.path_params:
        principal.require_workspace(request.path_params["workspace"])
    principal.require_scope(scope)
    return principal


def operator(authenticator: Authenticator) -> Any:
    """A FastAPI dependency that lets only the operator in."""

    async def dependency(request: Request, _: Any = operator_token()) -> None:
        authenticator.require_operator(request.headers.get("authorization"))

    return Depends(dependency)
