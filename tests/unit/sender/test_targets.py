"""The order in which addresses are tried, and which are never dialled."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.sender.smtp.targets import IpStrategy, Targets, in_order, reachable_from
from shared.client_address import parse_networks

IPV4 = st.lists(st.ip_addresses(v=4).map(str), max_size=4)
IPV6 = st.lists(st.ip_addresses(v=6).map(str), max_size=4)
FOUR, SIX = ["192.0.2.1", "192.0.2.2", "192.0.2.3"], ["2001:db8::1", "2001:db8::2"]


def test_the_four_orders() -> None:
    assert in_order(IpStrategy.IPV4_ONLY, FOUR, SIX) == tuple(FOUR)
    assert in_order(IpStrategy.IPV4_THEN_IPV6, FOUR, SIX) == (*FOUR, *SIX)
    assert in_order(IpStrategy.IPV6_THEN_IPV4, FOUR, SIX) == (*SIX, *FOUR)
    assert in_order(IpStrategy.BOTH, FOUR, SIX) == (SIX[0], FOUR[0], SIX[1], FOUR[1], FOUR[2])


@given(st.sampled_from(IpStrategy), IPV4, IPV6)
def test_every_address_is_tried_once_and_families_keep_their_order(
    strategy: IpStrategy, four: list[str], six: list[str]
) -> None:
    found = in_order(strategy, four, six)
    assert [ip for ip in found if ":" not in ip] == four
    assert [ip for ip in found if ":" in ip] == ([] if strategy is IpStrategy.IPV4_ONLY else six)


@given(IPV4, IPV6)
def test_a_local_address_reaches_its_own_family(four: list[str], six: list[str]) -> None:
    assert reachable_from(None, [*four, *six]) == (*four, *six)
    assert reachable_from("192.0.2.9", [*four, *six]) == tuple(four)
    assert reachable_from("2001:db8::9", [*four, *six]) == tuple(six)


@given(st.ip_addresses(v=4))
def test_own_networks_are_not_dialled_whatever_else_is_allowed(address: object) -> None:
    own = parse_networks(f"{address}/32")
    for allow_private in (True, False):
        assert not Targets(allow_private, own).may_dial(str(address))
        assert not Targets(allow_private, own).may_dial(f"::ffff:{address}")
    assert Targets(True).may_dial(str(address))


def test_private_addresses_are_dialled_only_where_that_is_allowed() -> None:
    assert Targets().may_dial("8.8.8.8")
    for ip in ("127.0.0.1", "10.0.0.1", "::1", "64:ff9b::a00:1", "::ffff:10.0.0.1"):
        assert not Targets().may_dial(ip)
        assert Targets(allow_private=True).may_dial(ip)
    assert not Targets(False, parse_networks("2606:4700::/32")).may_dial("2606:4700::1111")
