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
from yarl import URL

from services.webhooks.outcomes import Reply
from services.webhooks.resolver import Resolver
from shared.guarded_http import fault_of, guarded_session
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
    """An async context. No redirects, no proxies from the environment, no cookies, no decompression."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    async def __aenter__(self) -> Poster:
        self._resolver = Resolver(RESOLVERS)
        self._session = guarded_session(self._resolver, self._may_dial, ssl.create_default_context())
        return self

    def _may_dial(self, address: str) -> bool:
        return self._allow_private or is_public(address)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        await self._resolver.close()

    async def post(self, request: Request) -> Reply:
        """Sends once and reads at most 16 KiB of the answer, all within the timeout."""
        started = time.monotonic()
        try:
            async with (
                asyncio.timeout(request.timeout),
                self._session.request(
                    request.method,
                    URL(request.url, encoded=True),
                    data=request.body,
                    headers={**HEADERS, **request.headers},
                    allow_redirects=False,
                ) as response,
            ):
                if sum(len(name) + len(value) for name, value in response.raw_headers) > HEADER_BYTES:
                    return Reply(None, time.monotonic() - started, "protocol")
                text = excerpt(await _read(response.content))
                status, retry_after = response.status, response.headers.get("retry-after")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Reply(None, time.monotonic() - started, fault_of(error))
        return Reply(status, time.monotonic() - started, None, retry_after, text)


async def _read(content: aiohttp.StreamReader) -> bytes:
    read = b""
    while len(read) < READ_BYTES and (chunk := await content.readany()):
        read += chunk
    return read[:READ_BYTES]


def excerpt(body: bytes) -> str:
    """At most 4 KiB of UTF-8 of a reply."""
    text = body[:EXCERPT_BYTES].decode(errors="replace").replace("\0", "")
    return text.encode()[:EXCERPT_BYTES].decode(errors="ignore")
