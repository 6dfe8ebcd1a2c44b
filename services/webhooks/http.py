"""The guarded HTTP client: one POST to an endpoint, which ends in a value whatever the endpoint does.

The guard looks at the address that is about to be dialled, where a socket is made for it: names, literals in any
spelling and answers of the DNS that change all come past it.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType

import aiohttp
import httpx
from aiohappyeyeballs import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport

from services.webhooks.outcomes import Reply
from shared.net import is_public

READ_BYTES = 16 * 1024
EXCERPT_BYTES = 1024
RESOLVERS = 64
HEADERS = {"user-agent": "Posthorn-Webhooks/1", "content-type": "application/json", "accept-encoding": "identity"}


class PrivateAddressError(OSError):
    """The address about to be dialled is not public. The text is constant: a customer learns no address from it."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "not a public address")


def guarded_socket(address: AddrInfoType) -> socket.socket:
    """A socket for an address that may be dialled; raises PrivateAddressError."""
    family, kind, protocol, _, place = address
    if not is_public(str(place[0])):
        raise PrivateAddressError
    return socket.socket(family, kind, protocol)


class Resolver(AbstractResolver):
    """getaddrinfo in threads of its own: a name server that is silent keeps only its own endpoints waiting."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVERS, "webhook-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class Poster:
    """An async context. No redirects, no proxies from the environment, no cookies, no decompression, no retries."""

    def __init__(self, timeout: float, *, allow_private: bool) -> None:
        self._timeout = timeout
        self._allow_private = allow_private

    async def __aenter__(self) -> Poster:
        self._resolver = Resolver()
        self._client = httpx.AsyncClient(
            transport=AiohttpTransport(client=self._session),
            timeout=self._timeout,
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers=HEADERS,
        )
        return self

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # what runs at once is bounded for each endpoint, before it comes here
            ssl=ssl.create_default_context(),
            resolver=self._resolver,
            socket_factory=None if self._allow_private else guarded_socket,
        )
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()
        await self._resolver.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Posts once and reads at most 16 KiB of the answer, all within the timeout."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                async with self._client.stream("POST", url, content=body, headers=headers) as response:
                    text = excerpt(await _read(response))
                    status, retry_after = response.status_code, response.headers.get("retry-after")
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, UnicodeError) as error:
            return Reply(None, time.monotonic() - started, fault_of(error))
        return Reply(status, time.monotonic() - started, None, retry_after, text)


async def _read(response: httpx.Response) -> bytes:
    read = b""
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) >= READ_BYTES:
            break
    return read[:READ_BYTES]


def excerpt(body: bytes) -> str:
    """At most 1 KiB of UTF-8 of a reply."""
    text = body[:EXCERPT_BYTES].decode(errors="replace").replace("\0", "")
    return text.encode()[:EXCERPT_BYTES].decode(errors="ignore")


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
