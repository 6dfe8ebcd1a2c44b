"""How long after a delivery the console's open pages show it, of a whole stack."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from deploy.local.stack import Stack
from shared.contracts.record import rfc3339
from tests.bench.console_pages import LIST
from tests.bench.percentiles import Percentiles
from tests.bench.visiting import Browser
from tests.e2e.account import Account, bootstrap, open_account

MESSAGES = 50  # as many as a list shows
APART_SECONDS = 0.37  # so that they are delivered in every part of the second after which a page looks again
AHEAD = timedelta(seconds=3)  # in which a message's page is opened before the message goes
SECONDS = 120
DELIVERED = '<span class="badge good">delivered</span>'
DELIVERED_ROW = re.compile(rf'<tr id="m-([0-9a-f-]{{36}})">\s*<td[^>]*>{DELIVERED}')


async def delays(stack: Stack) -> dict[str, Any]:
    """From the delivery, as the sender noted it, to the end of the part that shows it, by page."""
    home = bootstrap(stack, "shop", "orders@shop.example")
    browser = Browser.signed_in(stack.http_url, home["api_key"])
    async with asyncio.timeout(SECONDS), open_account(stack, home) as shop, browser.client() as client:
        watching = asyncio.create_task(watched_list(client))
        at_page = dict(await asyncio.gather(*(watched_page(shop, client, number) for number in range(MESSAGES))))
        at_list = await watching
        delivered = {id_: await delivered_at(shop, id_) for id_ in at_page}
    return {"messages": MESSAGES, "list_ms": told(at_list, delivered), "message_ms": told(at_page, delivered)}


async def watched_page(shop: Account, client: httpx.AsyncClient, number: int) -> tuple[str, float]:
    """Sends a message that goes a little later, and opens its page: its id, and when that showed the delivery."""
    await asyncio.sleep(number * APART_SECONDS)
    due = rfc3339(datetime.now(UTC) + AHEAD)
    (id_,) = await shop.send(f"to+{number}@sink.test", scheduled_at=due)
    async for is_first, at, part in parts(client, f"{LIST}/{id_}/live"):
        if DELIVERED in part:
            assert not is_first, "the message was delivered before its page was open"
            return id_, at
    raise AssertionError("the stream has ended")


async def watched_list(client: httpx.AsyncClient) -> dict[str, float]:
    """When the list first showed each message as delivered."""
    shown: dict[str, float] = {}
    async for _, at, part in parts(client, f"{LIST}/live"):
        shown |= {id_: at for id_ in DELIVERED_ROW.findall(part) if id_ not in shown}
        if len(shown) == MESSAGES:
            break
    return shown


async def parts(client: httpx.AsyncClient, path: str) -> AsyncIterator[tuple[bool, float, str]]:
    """The parts of a stream: whether it is the first, when it was there, and the HTML."""
    lines: list[str] = []
    is_first = True
    async with client.stream("GET", path) as stream:
        async for line in stream.raise_for_status().aiter_lines():
            if line.startswith("data:"):
                lines.append(line)
            elif not line and lines:
                yield is_first, time.time(), "\n".join(each.removeprefix("data: ") for each in lines)
                lines, is_first = [], False


async def delivered_at(shop: Account, id_: str) -> float:
    return datetime.fromisoformat((await shop.email(id_))["delivered_at"]).timestamp()


def told(arrived: dict[str, float], delivered: dict[str, float]) -> dict[str, float]:
    waits = [arrived[id_] - at for id_, at in delivered.items()]
    return {**asdict(Percentiles.of(waits)), "max": round(max(waits) * 1000, 1)}
