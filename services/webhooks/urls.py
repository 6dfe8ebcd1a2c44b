"""Which URLs an endpoint may have. Names are checked again at every post, by the address that is dialled."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

import httpx

from shared.net import is_public

MAX_URL = 2048
HOST = re.compile(r"^[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?\.?$")
PORTS = frozenset({80, 443})
FIRST_FREE_PORT, MAX_PORT = 1024, 65535


class InvalidUrlError(ValueError):
    """What is wrong with a URL: a code, and words for its owner."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class UrlRules:
    """`plain_http` lets `http:` pass, `private` addresses that are not public and any port."""

    plain_http: bool
    private: bool

    def checked(self, text: str) -> str:
        """The URL in the form that is posted to: host as A-labels, no fragment. Raises InvalidUrlError."""
        if len(text) > MAX_URL:
            raise InvalidUrlError("url_too_long", f"must have at most {MAX_URL} characters")
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as error:
            raise InvalidUrlError("url_invalid", "is not a valid URL") from error
        if url.scheme not in ("https", "http") or not url.host:
            raise InvalidUrlError("url_invalid", "must be an absolute https URL")
        if url.scheme == "http" and not self.plain_http:
            raise InvalidUrlError("url_not_https", "must begin with https://")
        if url.userinfo:
            raise InvalidUrlError("url_userinfo", "must not hold a user name or password")
        self._check_host(url)
        checked = str(url.copy_with(fragment=None))
        if len(checked) > MAX_URL:
            raise InvalidUrlError("url_too_long", f"must have at most {MAX_URL} characters")
        return checked

    def _check_host(self, url: httpx.URL) -> None:
        host = url.raw_host.decode("ascii").strip("[]")
        address = literal_address(host)
        if address is None and not (HOST.match(host) and all(len(label) < 64 for label in host.split("."))):
            raise InvalidUrlError("url_invalid", "has no valid host name")
        if url.port is not None and not 0 < url.port <= MAX_PORT:
            raise InvalidUrlError("url_port", "has no valid port")
        if not self.private:
            _check_public(host.rstrip("."), address, url.port)
        if address is not None and address != host:
            raise InvalidUrlError("url_invalid", f"must write its address as {address}")


def _check_public(name: str, address: str | None, port: int | None) -> None:
    if name == "localhost" or name.endswith(".localhost") or (address is not None and not is_public(address)):
        raise InvalidUrlError("url_private", "must lead to a public address")
    if port is not None and port not in PORTS and port < FIRST_FREE_PORT:
        raise InvalidUrlError("url_port", "must use port 443, 80, or one from 1024 on")


def literal_address(host: str) -> str | None:
    """The IP address that a host is, None where it is a name.

    Octal, hexadecimal and short forms of IPv4 count too (`0x7f.1`, `2130706433`): resolvers take them for addresses.
    """
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host.rstrip(".")))
    except (OSError, UnicodeEncodeError):
        return None
