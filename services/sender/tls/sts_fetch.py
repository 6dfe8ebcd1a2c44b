"""Fetching an MTA-STS policy (RFC 8461 section 3.3)."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult

from services.sender.dns import Lookups
from services.sender.tls.results import TlsResult
from services.sender.tls.sts import MAX_POLICY_BYTES, InvalidPolicyError, StsPolicy, read_policy
from shared.guarded_http import fault_of, guarded_client

SECONDS = 60.0
HEADERS = {"user-agent": "Posthorn-MTA-STS/1", "accept": "text/plain", "accept-encoding": "identity"}


class FetchError(Exception):
    """The policy cannot be had: `result` says of what kind that is, the text why."""

    def __init__(self, result: TlsResult, text: str) -> None:
        super().__init__(text)
        self.result = result


class StsFetcher:
    """One request for each policy: HTTPS with a certificate of the web's, no redirect, plain text, 64 KiB, a minute."""

    def __init__(
        self,
        lookups: Lookups,
        may_dial: Callable[[str], bool],
        tls: ssl.SSLContext,
        *,
        port: int = 443,
        seconds: float = SECONDS,
    ) -> None:
        self._lookups = lookups
        self._may_dial = may_dial
        self._tls = tls
        self._port = port
        self._seconds = seconds
        self._client: httpx.AsyncClient | None = None

    async def fetch(self, domain: str) -> StsPolicy:
        """The policy that the domain serves now. Raises FetchError."""
        url = f"https://mta-sts.{domain}:{self._port}/.well-known/mta-sts.txt"
        try:
            async with asyncio.timeout(self._seconds), self._opened().stream("GET", url) as response:
                _check(response)
                body = await _read(response)
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, UnicodeError) as error:
            fault = fault_of(error)
            result = TlsResult.STS_WEBPKI_INVALID if fault == "tls" else TlsResult.STS_FETCH_ERROR
            raise FetchError(result, fault) from error
        try:
            return read_policy(body)
        except InvalidPolicyError as error:
            raise FetchError(TlsResult.STS_POLICY_INVALID, f"the policy {error}") from error

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = guarded_client(
                _HostResolver(self._lookups), self._may_dial, timeout=self._seconds, headers=HEADERS, tls=self._tls
            )
        return self._client


class _HostResolver(AbstractResolver):
    """The sender's own look-ups: nothing waits in a thread."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._lookups.addresses(host)
        if not found.ips:
            raise OSError(found.detail or str(found.existence))
        return [
            ResolveResult(
                hostname=host,
                host=ip,
                port=port,
                family=socket.AF_INET6 if ":" in ip else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for ip in found.ips
        ]

    async def close(self) -> None:
        """Nothing of its own is open."""


def _check(response: httpx.Response) -> None:
    if response.status_code != 200:
        raise FetchError(TlsResult.STS_FETCH_ERROR, f"status {response.status_code}")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/plain":
        raise FetchError(TlsResult.STS_FETCH_ERROR, "not text/plain")


async def _read(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_POLICY_BYTES:
            raise FetchError(TlsResult.STS_FETCH_ERROR, "larger than 64 KiB")
    return body
