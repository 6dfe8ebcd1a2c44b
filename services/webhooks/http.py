"""The guarded HTTP client: one request to an endpoint, which ends in a value whatever the endpoint does.

Which addresses may be dialled: see `shared.guarded_http`.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

import aiohttp
import httpx

from services.webhooks.outcomes import Reply
from services.webhooks.resolver import Resolver
from shared.guarded_http import fault_of, guarded_transport
from shared.net import is_public

READ_BYTES = 16 * 1024
HEADER_BYTES = 16 * 1024
EXCERPT_BYTES = 4 * 1024
RESOLVERS = 64
HEADERS = {"user-agent": "Posthorn-Webhooks/1", "accept-encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, all of it within `timeout` seconds; `body` is None where the method has none."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    timeout: float


class Poster:
    """An async context. No redirects, no proxies from the environment, no cookies, no decompression.

    Requests go to httpx's transport without a client before it, which would do nothing of use here and costs as much.
    """

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    async def __aenter__(self) -> Poster:
        self._resolver = Resolver(RESOLVERS)
        self._transport = guarded_transport(self._resolver, self._may_dial, ssl.create_default_context())
        return self

    def _may_dial(self, address: str) -> bool:
        return self._allow_private or is_public(address)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.aclose()
        await self._resolver.close()

    async def post(self, request: Request) -> Reply:
        """Sends once and reads at most 16 KiB of the answer, all within the timeout."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(request.timeout):
                response = await self._transport.handle_async_request(_asked(request))
                try:
                    if sum(len(name) + len(value) for name, value in response.headers.raw) > HEADER_BYTES:
                        return Reply(None, time.monotonic() - started, "protocol")
                    text = excerpt(await _read(response))
                    status, retry_after = response.status_code, response.headers.get("retry-after")
                finally:
                    await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as error:
            return Reply(None, time.monotonic() - started, fault_of(error))
        return Reply(status, time.monotonic() - started, None, retry_after, text)


def _asked(request: Request) -> httpx.Request:
    # text beyond ASCII goes as UTF-8 (obs-text, RFC 9110 section 5.5)
    headers = [(name.encode(), value.encode()) for name, value in {**HEADERS, **request.headers}.items()]
    return httpx.Request(request.method, request.url, content=request.body, headers=headers)


async def _read(response: httpx.Response) -> bytes:
    read = b""
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) >= READ_BYTES:
            break
    return read[:READ_BYTES]


def excerpt(body: bytes) -> str:
    """At most 4 KiB of UTF-8 of a reply."""
    text = body[:EXCERPT_BYTES].decode(errors="replace").replace("\0", "")
    return text.encode()[:EXCERPT_BYTES].decode(errors="ignore")
