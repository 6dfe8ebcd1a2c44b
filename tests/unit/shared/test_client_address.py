"""The client's address behind proxies, and networks in all their spellings."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client_address import TrustedProxies, lies_in, parse_network, parse_networks, parse_node

PROXIES = TrustedProxies(parse_networks("10.0.0.0/8, 2001:db8:ffff::/48"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # nobody that is believed
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.66, 198.51.100.1, 10.1.2.3"], "198.51.100.1"),  # 192.0.2.66 is what the client wrote
        ("10.0.0.1", ["192.0.2.66", "198.51.100.1", "10.1.2.3"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("2001:db8:ffff::1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("2001:db8:ffff::1", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", ["10.1.2.3, 10.1.2.4"], "10.1.2.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, unknown"], None),
        ("10.0.0.1", ["198.51.100.1, _hidden, 10.1.2.3"], None),
        ("10.0.0.1", ["198.51.100.1,"], None),
        (None, ["198.51.100.1"], None),
        ("a-socket", [], None),
    ],
)
def test_the_client_is_the_nearest_whom_no_trusted_proxy_is(
    peer: str | None, forwarded: list[str], client: str | None
) -> None:
    assert PROXIES.client(peer, forwarded) == (ip_address(client) if client else None)


@given(st.lists(st.text(max_size=30), max_size=4), st.ip_addresses(v=4))
def test_what_a_client_writes_itself_changes_nothing(written: list[str], address: object) -> None:
    alone = PROXIES.client("10.0.0.1", [str(address)])
    if not lies_in(alone, parse_networks("10.0.0.0/8")):  # type: ignore[arg-type]
        assert PROXIES.client("10.0.0.1", [*written, str(address)]) == alone == address
    assert str(TrustedProxies(()).client("203.0.113.9", [*written, str(address)])) == "203.0.113.9"


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("192.0.2.0/24", ["192.0.2.1", "::ffff:192.0.2.1"], ["192.0.3.1", "::ffff:192.0.3.1", "::192.0.2.1"]),
        ("::ffff:192.0.2.0/120", ["192.0.2.1", "::ffff:192.0.2.255"], ["192.0.3.1"]),
        ("2001:db8::/32", ["2001:db8:1::1"], ["2001:db9::1", "192.0.2.1"]),
        ("192.0.2.7", ["192.0.2.7"], ["192.0.2.8"]),
        ("0.0.0.0/0", ["192.0.2.7", "::ffff:192.0.2.7"], ["2001:db8::1"]),
        ("::/0", ["2001:db8::1"], ["192.0.2.7", "::ffff:192.0.2.7"]),
    ],
)
def test_networks_of_both_versions_and_mapped(network: str, inside: list[str], outside: list[str]) -> None:
    parsed = [parse_network(network)]
    assert all(lies_in(parse_node(address), parsed) for address in inside)  # type: ignore[arg-type]
    assert not any(lies_in(parse_node(address), parsed) for address in outside)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["192.0.2.1/24", "192.0.2.0/33", "localhost", "", "10/8", "::1/x"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_network(text)
