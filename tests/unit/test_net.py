"""No address of our own network passes, in whatever form it is written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.net import is_public

PRIVATE = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
]
PREFIXES = ["::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::"]


def private_v4() -> st.SearchStrategy[IPv4Address]:
    networks = [IPv4Network(network) for network in PRIVATE]
    return st.sampled_from(networks).flatmap(
        lambda network: st.integers(int(network.network_address), int(network.broadcast_address)).map(IPv4Address)
    )


@given(private_v4())
def test_no_private_ipv4_address_passes_in_any_embedding(address: IPv4Address) -> None:
    assert not is_public(address)
    for prefix in PREFIXES:
        assert not is_public(IPv6Address(int(IPv6Address(prefix)) | int(address)))
    assert not is_public(IPv6Address(int(IPv6Address("2002::")) | int(address) << 80))  # 6to4
    assert not is_public(IPv6Address(int(IPv6Address("2001::")) | int(address) ^ 0xFFFFFFFF))  # Teredo


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
