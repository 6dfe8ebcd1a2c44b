"""No address of our own network passes, in whatever form it is written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.net import is_public
from tests.unit.embedded import private_v4, spellings_v6, within_v6


@given(private_v4(), st.integers(0, 65535))
def test_no_private_ipv4_address_passes_in_any_embedding(address: IPv4Address, port: int) -> None:
    assert not is_public(address)
    for embedded in within_v6(address, port):
        for spelling in spellings_v6(embedded):
            assert not is_public(spelling), spelling


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_public_means_global_at_least(address: IPv6Address) -> None:
    if is_public(address):
        assert address in ip_network("2000::/3") or address.ipv4_mapped is not None


@pytest.mark.parametrize(
    "ip",
    [
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "fd00:ec2::254",
        "5f00::1",
        "3fff::1",
    ],
)
def test_special_ipv6_is_not_public(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize("ip", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "172.32.0.1", "100.128.0.1"])
def test_the_internet_is_public(ip: str) -> None:
    assert is_public(ip)


@pytest.mark.parametrize("text", ["localhost", "127.1", "0x7f.1", "", "2130706433 "])
def test_a_name_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear"):
        is_public(text)
