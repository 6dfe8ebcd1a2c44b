"""Names of hosts, as policies and certificates write them. Pure."""

from __future__ import annotations


def name_matches(pattern: str, host: str) -> bool:
    """Whether a host name is the one of the pattern; `*.` stands for exactly one left-most label (RFC 8461 section 4.1,
    RFC 6125 section 6.4.3). Both are A-labels."""
    pattern, host = pattern.lower().rstrip("."), host.lower().rstrip(".")
    if not pattern.startswith("*."):
        return pattern == host
    label, dot, parent = host.partition(".")
    return bool(label and dot) and parent == pattern[2:]
