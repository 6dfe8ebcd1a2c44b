"""What a key may hand on, over all keys: never more than it may do itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from services.ingest.accounts.grants import require_within
from shared.auth import WORKSPACE_SCOPES, Principal
from shared.client_address import lies_in, parse_network
from shared.contracts.entities import ApiKey, Workspace
from shared.errors import ProblemError

NOW = datetime(2030, 1, 1, tzinfo=UTC)
NETWORKS = ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "0.0.0.0/0", "2001:db8::/32", "2001:db8:1::/48", "::/0")
DOMAINS = ("a.test", "b.test", "sub.a.test")
PROBES = [
    ip_address(text) for text in ("10.1.2.3", "10.1.9.9", "10.9.9.9", "192.0.2.1", "2001:db8:1::1", "2001:db9::1")
]

keys = st.builds(
    ApiKey,
    name=st.just("k"),
    digest=st.just("d"),
    prefix=st.just("p"),
    scopes=st.lists(st.sampled_from(WORKSPACE_SCOPES), min_size=1, max_size=4, unique=True),
    expires_at=st.none() | st.integers(0, 3).map(lambda days: NOW + timedelta(days=days)),
    allowed_ips=st.lists(st.sampled_from(NETWORKS), max_size=2, unique=True),
    domains=st.lists(st.sampled_from(DOMAINS), max_size=2, unique=True),
)


def bound_to(network: str) -> ApiKey:
    return ApiKey(name="k", digest="d", prefix="p", scopes=["keys"], allowed_ips=[network])


def principal_of(key: ApiKey) -> Principal:
    workspace = Workspace(name="w", owner_email="o@w.test")
    return Principal("k", key, "w", workspace, 1, tuple(map(parse_network, key.allowed_ips)))


def deeds(key: ApiKey) -> set[tuple[object, ...]]:
    """What a key can do: with which scope, on which day, from which address, for which domain."""
    principal = principal_of(key)
    return {
        (scope, day, address, domain)
        for scope in key.scopes
        for day in range(5)
        if key.expires_at is None or key.expires_at > NOW + timedelta(days=day)
        for address in PROBES
        if not principal.networks or lies_in(address, principal.networks)
        for domain in DOMAINS
        if principal.may_send_from(domain)
    }


@given(keys, keys)
@example(bound_to("10.0.0.0/16"), bound_to("10.0.0.0/8"))  # they begin with the same address
def test_what_is_handed_on_can_do_no_more_than_its_maker(own: ApiKey, granted: ApiKey) -> None:
    assume("admin" not in own.scopes)
    try:
        require_within(principal_of(own), granted)
    except ProblemError:
        return
    assert deeds(granted) <= deeds(own)


@given(keys)
def test_a_key_may_hand_on_all_of_itself_and_less(own: ApiKey) -> None:
    require_within(principal_of(own), own)
    require_within(principal_of(own), own.with_changes(scopes=own.scopes[:1]))


@given(keys, keys)
def test_an_admin_and_the_operator_hand_on_everything(own: ApiKey, granted: ApiKey) -> None:
    require_within(principal_of(own.with_changes(scopes=["admin"])), granted)
    require_within(None, granted)


def test_each_excess_is_named() -> None:
    own = ApiKey(name="k", digest="d", prefix="p", scopes=["keys"], expires_at=NOW, domains=["a.test"],
                 allowed_ips=["10.0.0.0/8"])  # fmt: skip
    granted = ApiKey(name="k", digest="d", prefix="p", scopes=["keys", "admin"])
    with pytest.raises(ProblemError) as refused:
        require_within(principal_of(own), granted)
    assert (refused.value.status, refused.value.code) == (403, "not_yours_to_grant")
    places = [fault.pointer for fault in refused.value.errors]
    assert places == ["#/scopes/1", "#/expires_at", "#/domains", "#/allowed_ips"]
