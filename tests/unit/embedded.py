"""Every way to write a private IPv4 address, as text and within IPv6."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address

from hypothesis import strategies as st

PRIVATE = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
]
BEHIND = ["::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::", "fe80::5efe:0:0"]
"""Prefixes that an IPv4 address stands behind: compatible and mapped (RFC 4291 section 2.5.5), translated (RFC 2765
section 2.1), NAT64 (RFC 6052 section 2.1, RFC 8215), ISATAP (RFC 5214 section 6.1)."""


def private_v4() -> st.SearchStrategy[IPv4Address]:
    networks = [IPv4Network(network) for network in PRIVATE]
    return st.sampled_from(networks).flatmap(
        lambda network: st.integers(int(network.network_address), int(network.broadcast_address)).map(IPv4Address)
    )


def within_v6(address: IPv4Address, port: int) -> list[IPv6Address]:
    """Every IPv6 address that carries it; `port` is what Teredo hides beside it."""
    number = int(address)
    behind = [int(IPv6Address(prefix)) | number for prefix in BEHIND]
    nat64_48 = int(IPv6Address("64:ff9b:1::")) | (number >> 16) << 64 | (number & 0xFFFF) << 40  # RFC 6052 section 2.2
    six_to_four = int(IPv6Address("2002::")) | number << 80  # RFC 3056
    teredo = int(IPv6Address("2001::")) | (port ^ 0xFFFF) << 32 | number ^ 0xFFFFFFFF  # RFC 4380, the client
    teredo_server = int(IPv6Address("2001::")) | number << 64
    return [IPv6Address(each) for each in (*behind, nat64_48, six_to_four, teredo, teredo_server)]


def spellings_v4(address: IPv4Address) -> list[str]:
    """As inet_aton reads it: one to four parts, each decimal, octal or hexadecimal, with a full stop behind or not."""
    number = int(address)
    written = []
    for parts in (1, 2, 3, 4):
        bits = 8 * (5 - parts)
        first = [number >> 24, number >> 16 & 0xFF, number >> 8 & 0xFF][: parts - 1]
        values = [*first, number & (1 << bits) - 1]
        for form in ("{}", "0{:o}", "0x{:x}", "0X{:X}"):
            text = ".".join(form.format(value) for value in values)
            written += [text, f"{text}."]
    return written


def spellings_idn(address: IPv4Address) -> list[str]:
    """In digits and full stops that IDNA maps to ASCII (UTS 46): full-width, bold, circled and raised ones."""
    digits = ("０１２３４５６７８９", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗", "⓪①②③④⑤⑥⑦⑧⑨", "⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
    stops = (".", "。", "．", "｡")
    texts = (str(address), str(int(address)), f"0{int(address):o}")
    return [
        text.translate(str.maketrans("0123456789.", each + stop)) for text in texts for each in digits for stop in stops
    ]


def spellings_v6(address: IPv6Address) -> list[str]:
    """Short, long, in capitals, and with the last four bytes as IPv4."""
    last = IPv4Address(int(address) & 0xFFFFFFFF)
    high = ":".join(f"{int(address) >> shift & 0xFFFF:x}" for shift in range(112, 16, -16))
    return [str(address), address.exploded, address.exploded.upper(), f"{high}:{last}"]
