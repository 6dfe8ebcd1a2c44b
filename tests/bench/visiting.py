"""Visitors of the console: users who load pages one after the other, and pages that are held open."""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from itertools import cycle
from random import Random

import httpx

from tests.bench.percentiles import Percentiles

ROW = re.compile(r'<tr id="m-([0-9a-f-]{36})">')
OLDER = re.compile(r'href="([^"]+)" rel="next"')
Pages = Mapping[str, Sequence[str]]
"""By kind, the paths that are asked for in turn."""


@dataclass
class Waits:
    """How long the answers took, in seconds by kind of page."""

    seconds: float = 0
    of: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def requests(self) -> int:
        return sum(map(len, self.of.values()))

    def percentiles(self) -> dict[str, Percentiles]:
        return {kind: Percentiles.of(waits) for kind, waits in self.of.items()}


@dataclass(frozen=True)
class Browser:
    """Asks as a user who has signed in with these cookies."""

    base_url: str
    cookies: Mapping[str, str]

    @classmethod
    def signed_in(cls, base_url: str, key: str) -> Browser:
        """By an API key."""
        reply = httpx.post(f"{base_url}/console/sign-in", data={"key": key}, headers={"Origin": base_url})
        assert reply.status_code == 303, reply.text
        return cls(base_url, dict(reply.cookies))

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=self.base_url, cookies=dict(self.cookies), timeout=60) as client:
            yield client

    async def page(self, path: str) -> str:
        async with self.client() as client:
            return (await client.get(path)).raise_for_status().text

    async def visit(self, pages: Pages, users: int, seconds: float, think: float) -> Waits:
        """So many users load pages of every kind, each in an order of its own, with a pause of `think` seconds on
        average between an answer and the next request."""
        waits, began = Waits(), time.monotonic()
        turns = {kind: cycle(paths) for kind, paths in pages.items()}

        async def use(number: int) -> None:
            draw = Random(number)
            async with self.client() as client:
                await asyncio.sleep(draw.random() * think)
                while (now := time.monotonic()) < began + seconds:
                    kind = draw.choice(list(pages))
                    reply = await client.get(next(turns[kind]))
                    reply.raise_for_status()
                    waits.of[kind].append(time.monotonic() - now)
                    await asyncio.sleep(2 * draw.random() * think)

        await asyncio.gather(*map(use, range(users)))
        waits.seconds = time.monotonic() - began
        return waits

    @asynccontextmanager
    async def held_open(self, path: str, streams: int) -> AsyncIterator[None]:
        """So many streams of a page's live part; each has sent it once."""
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(self.client())
            held = []  # a stream whose reader is let go of is closed
            for _ in range(streams):
                stream = await stack.enter_async_context(client.stream("GET", path))
                held.append(stream.raise_for_status().aiter_lines())
                await anext(held[-1])
            yield


def ids_in(page: str) -> list[str]:
    """The messages of a list."""
    return ROW.findall(page)


def older_than(page: str) -> str:
    """Where a list's next page is."""
    found = OLDER.search(page)
    assert found, "there is no next page"
    return unescape(found[1])
