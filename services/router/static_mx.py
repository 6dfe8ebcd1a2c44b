"""A map of mail hosts that is looked into before the DNS, for names that only this deployment knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from services.router.mx import Destination, Finding
from shared.contracts.messages import Host


class StaticMx:
    """Patterns are a domain, `*.suffix`, which any deeper name ends in, or `*`, which is every domain; the domain wins,
    then the longest suffix."""

    def __init__(self, targets: Mapping[str, Sequence[str]], default_port: int) -> None:
        self._destinations = {
            pattern.lower(): Destination(
                Finding.STATIC,
                f"static:{pattern.lower()}",
                tuple(parse_target(target, default_port) for target in hosts),
            )
            for pattern, hosts in targets.items()
        }

    def find(self, domain: str) -> Destination | None:
        """The destination of a lower-case domain, None where the map does not name it."""
        if not self._destinations:
            return None
        if exact := self._destinations.get(domain):
            return exact
        _, dot, rest = domain.partition(".")
        while dot:
            if found := self._destinations.get(f"*.{rest}"):
                return found
            _, dot, rest = rest.partition(".")
        return self._destinations.get("*")


def parse_target(text: str, default_port: int) -> Host:
    """`host`, `host:port`, an IPv4 or IPv6 address, or `[IPv6]:port`; raises ValueError."""
    host, colon, port = text.rpartition(":")
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        if not closed or colon not in ("", ":"):
            raise ValueError(f"{text!r} is not host:port")
    elif ":" in host:
        host, colon, port = text, "", ""  # a bare IPv6 address
    elif not colon:
        host, port = text, ""
    if ":" in host:
        ip_address(host)
    if not host or (colon and not (port.isdecimal() and 0 < int(port) < 65536)):
        raise ValueError(f"{text!r} is not host:port")
    return Host(name=host.lower(), port=int(port) if port else default_port)
