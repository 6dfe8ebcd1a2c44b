"""HTTP towards hosts that others name: what may be dialled is decided where a socket is made for its address.

Names, literals in any spelling and answers of the DNS that change all come past it.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy

import aiohttp
import httpx
from aiohappyeyeballs import AddrInfoType
from aiohttp.abc import AbstractResolver
from httpx_aiohttp import AiohttpTransport


class PrivateAddressError(OSError):
    """The address about to be dialled is not public. The text is constant: a customer learns no address from it."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "not a public address")


def guarded_transport(
    resolver: AbstractResolver, may_dial: Callable[[str], bool], tls: ssl.SSLContext
) -> AiohttpTransport:
    """httpx's transport over aiohttp, without proxies from the environment, cookies, redirects, repetitions or
    decompression; it has no timeout of its own.

    It dials the addresses that `may_dial` allows; for another one a request raises an error whose cause is a
    PrivateAddressError.
    """

    def guarded_socket(address: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, place = address
        if not may_dial(str(place[0])):
            raise PrivateAddressError
        return socket.socket(family, kind, protocol)

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # what runs at once is bounded before it comes here
            ssl=tls,
            resolver=resolver,
            socket_factory=guarded_socket,
        )
        made = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=None)
        )
        # aiohttp sends an idempotent request again by itself where a kept connection ends under it, and has no public
        # switch for that (its own test client does the same): what is asked for once is sent once
        made._retry_connection = False
        return made

    return AiohttpTransport(verify=tls, client=session)


def guarded_client(
    resolver: AbstractResolver,
    may_dial: Callable[[str], bool],
    *,
    timeout: float,
    headers: Mapping[str, str],
    tls: ssl.SSLContext,
) -> httpx.AsyncClient:
    """A client on a guarded transport, without redirects, cookies or retries."""
    return httpx.AsyncClient(
        transport=guarded_transport(resolver, may_dial, tls),
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        headers=headers,
    )


def fault_of(error: BaseException) -> str:
    """The class of a failure without a reply; httpx-aiohttp's own classes are coarse, so the causes decide."""
    causes = list(_causes(error))
    for kinds, name in _FAULTS:
        if any(isinstance(cause, kinds) for cause in causes):
            return name
    return "protocol"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


_FAULTS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((PrivateAddressError,), "private_address"),
    ((aiohttp.InvalidURL, httpx.InvalidURL, UnicodeError), "url"),
    ((aiohttp.ClientConnectorDNSError, socket.gaierror), "dns"),
    ((ssl.SSLError, ssl.CertificateError), "tls"),
    ((TimeoutError,), "timeout"),
    ((aiohttp.ClientConnectorError,), "connect"),
    ((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError, OSError), "connection_lost"),
)
