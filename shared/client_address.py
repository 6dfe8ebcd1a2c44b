"""Which address a request came from, behind proxies too, and networks that an address may lie in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network
MAPPED_BITS = 96


def parse_network(text: str) -> IpNetwork:
    """`192.0.2.0/24`, `2001:db8::/32` or one address; raises ValueError, also where bits are set behind the prefix.

    IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2) becomes the IPv4 network that it stands for.
    """
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.prefixlen >= MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - MAPPED_BITS))
    return network


def parse_networks(text: str) -> tuple[IpNetwork, ...]:
    """Networks, comma separated; raises ValueError."""
    return tuple(parse_network(part.strip()) for part in text.split(",") if part.strip())


def parse_node(text: str) -> IpAddress | None:
    """An address as a proxy writes it, with a port or without, IPv6 with one in brackets (RFC 7239 section 6).

    IPv4-mapped IPv6 becomes IPv4. None for what is no address, such as `unknown` or an obfuscated name.
    """
    node = text.strip()
    if node.startswith("["):
        node = node[1:].partition("]")[0]
    elif node.count(":") == 1:
        node = node.partition(":")[0]
    try:
        address = ip_address(node)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def lies_in(address: IpAddress, networks: Iterable[IpNetwork]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


class TrustedProxies:
    """The proxies whose word on the address before them is believed."""

    def __init__(self, networks: Sequence[IpNetwork]) -> None:
        self._networks = tuple(networks)

    def client(self, peer: str | None, forwarded: Sequence[str]) -> IpAddress | None:
        """The nearest address that is no trusted proxy's; None where that cannot be told.

        `peer` is the connection's own end, `forwarded` are the lines of `X-Forwarded-For`. Each proxy adds the address
        that it saw behind the others (the order of RFC 7239 section 5.2), so the line is read from its end, and no
        further than to the first address that nobody trusted has vouched for: what stands before it, anybody may have
        written. Without a trusted peer the header says nothing.
        """
        address = parse_node(peer) if peer is not None else None
        if not self._networks or address is None or not lies_in(address, self._networks):
            return address
        for node in reversed([node for line in forwarded for node in line.split(",")]):
            address = parse_node(node)
            if address is None or not lies_in(address, self._networks):
                return address
        return address
