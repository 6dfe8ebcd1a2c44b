"""Network addresses: how settings write them, and which may be dialled on behalf of a workspace."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

# All that is handed out for the public internet (IANA's IPv6 address space registry). Outside of it lie also the forms
# that carry an IPv4 address inwards: NAT64, IPv4-compatible and IPv4-translated addresses.
_GLOBAL_UNICAST = ip_network("2000::/3")

# What `ipaddress.is_global` lets pass, in some version of Python at least.
_DENIED = tuple(
    ip_network(network)
    for network in (
        "2001::/32",  # Teredo, RFC 4380: carries an IPv4 address
        "2002::/16",  # 6to4, RFC 3056: carries an IPv4 address
        "3fff::/20",  # documentation, RFC 9637
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
        "192.0.0.0/24",  # protocol assignments, RFC 6890
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "240.0.0.0/4",  # reserved, RFC 1112
    )
)


def is_public(ip: str | IPv4Address | IPv6Address) -> bool:
    """Whether an address, as it is about to be dialled, lies on the public internet.

    IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2) counts as the IPv4 address it is dialled as; a scoped address
    (`fe80::1%eth0`) never is public. Raises ValueError for what is no IP address: a name must be resolved first.
    """
    address = ip_address(ip)
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        address = address.ipv4_mapped or address
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    if not address.is_global or address.is_multicast:
        return False
    return not any(address in network for network in _DENIED if network.version == address.version)


def parse_server(text: str, default_port: int = 53) -> tuple[str, int]:
    """The address and the port of `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`.

    Raises ValueError.
    """
    with suppress(ValueError):
        return str(ip_address(text)), default_port
    place = urlsplit(f"//{text}")
    return str(ip_address(place.hostname or "")), place.port or default_port
