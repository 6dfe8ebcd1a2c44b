"""Which addresses may be dialled on behalf of a workspace."""

from __future__ import annotations

import ipaddress

# What `ipaddress.is_global` lets pass and still leads inwards: forms of IPv6 that carry an IPv4 address, which a
# gateway may unwrap (NAT64, 6to4, Teredo, IPv4-compatible, IPv4-translated), and space that is special or withdrawn.
_DENIED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "64:ff9b::/96",  # NAT64, RFC 6052
        "64:ff9b:1::/48",  # local-use NAT64, RFC 8215
        "2002::/16",  # 6to4, RFC 3056
        "2001::/32",  # Teredo, RFC 4380
        "fec0::/10",  # site-local, RFC 3879
        "::/96",  # IPv4-compatible, RFC 4291 section 2.5.5.1
        "::ffff:0:0:0/96",  # IPv4-translated, RFC 2765
        "3fff::/20",  # documentation, RFC 9637
        "5f00::/16",  # segment routing SIDs, RFC 9602
        "fd00:ec2::254/128",  # a cloud's metadata service
        "192.88.99.0/24",  # 6to4 relay anycast, RFC 7526
        "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "240.0.0.0/4",  # reserved, RFC 1112
    )
)


def is_public(ip: str | ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address, as it is about to be dialled, lies on the public internet.

    IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2) counts as the IPv4 address it is dialled as; a scoped address
    (`fe80::1%eth0`) never is public. Raises ValueError for what is no IP address: a name must be resolved first.
    """
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        address = address.ipv4_mapped or address
    if not address.is_global or address.is_multicast:
        return False
    return not any(address in network for network in _DENIED if network.version == address.version)
