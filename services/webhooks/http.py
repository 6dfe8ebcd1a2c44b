"""The guarded HTTP client: one POST to an endpoint, which ends in a value whatever the endpoint does.

Which addresses may be dialled: see `shared.guarded_http`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult

from services.webhooks.outcomes import Reply
from shared.guarded_http import fault_of, guarded_client
from shared.net import is_public

READ_BYTES = 16 * 1024
EXCERPT_BYTES = 1024
RESOLVERS = 64
HEADERS = {"user-agent": "Posthorn-Webhooks/1", "content-type": "application/json", "accept-encoding": "identity"}


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
        self._client = guarded_client(
            self._resolver,
            self._may_dial,
            timeout=self._timeout,
            headers=HEADERS,
            tls=ssl.create_default_context(),
        )
        return self

    def _may_dial(self, address: str) -> bool:
        return self._allow_private or is_public(address)

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
