"""What a key may hand on: nothing that it does not have itself."""

from __future__ import annotations

from collections.abc import Iterator

from shared.auth import Principal
from shared.client_address import IpNetwork, parse_network
from shared.contracts.entities import ApiKey
from shared.errors import Fault, ProblemError


def require_within(principal: Principal | None, granted: ApiKey) -> None:
    """Raises a 403 problem that names each part of a key, or of a credential as a key, that its maker does not have.

    A key with the scope `admin`, and the operator (None), may hand on everything.
    """
    if principal is None or "admin" in principal.key.scopes:
        return
    faults = list(_excesses(principal, granted))
    if faults:
        raise ProblemError(403, "not_yours_to_grant", "This key has not what it would hand on.", errors=faults)


def _excesses(principal: Principal, granted: ApiKey) -> Iterator[Fault]:
    own = principal.key
    for place, scope in enumerate(granted.scopes):
        if scope not in own.scopes:
            yield Fault(f"#/scopes/{place}", "scope_not_held", f"This key has no scope {scope!r} itself.")
    if own.expires_at is not None and (granted.expires_at is None or granted.expires_at > own.expires_at):
        yield Fault(
            "#/expires_at", "outlives_its_maker", "This key expires itself, and no key that it makes does later."
        )
    if own.domains and not (granted.domains and set(granted.domains) <= set(own.domains)):
        detail = f"This key is bound to {', '.join(own.domains)}, and so is every key that it makes."
        yield Fault("#/domains", "domain_not_held", detail)
    if principal.networks and not _all_within(granted.allowed_ips, principal.networks):
        detail = f"This key is bound to {', '.join(own.allowed_ips)}, and so is every key that it makes."
        yield Fault("#/allowed_ips", "address_not_held", detail)


def _all_within(inner: list[str], outer: tuple[IpNetwork, ...]) -> bool:
    networks = [parse_network(text) for text in inner]
    return bool(networks) and all(any(_is_within(network, own) for own in outer) for network in networks)


def _is_within(inner: IpNetwork, outer: IpNetwork) -> bool:
    return inner.version == outer.version and inner.prefixlen >= outer.prefixlen and inner.network_address in outer
