"""The console's pages over a read model of a million messages, in one http process, for 20 users at once.

The messages are a shop's of a month: 200,000 recipients of 2,000 domains, with events, replies and webhooks, written by
the projector's own code; a second workspace has a tenth as many. First each kind of page is read alone, under MongoDB's
profiler: what was looked at for it, and that nothing scanned a collection or sorted. Then by 20 users without a pause,
who wait for each other as there is one process, and by 20 who pause for a second on average: how long each kind takes
from the request to the last byte, told by a client on the same machine. Then what 20 lists cost that are held open and
look for news each second. With `--live`, of a whole stack: how long after a delivery the open pages show it.

`python -m tests.bench.console [--messages 1000000] [--seconds 60]`
`python -m tests.bench.console --live`
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypeVar

from deploy.local.stack import Stack
from tests.bench.console_pages import LIST, pages_of
from tests.bench.live_console import delays
from tests.bench.posthorn import running_posthorn, running_stack
from tests.bench.processes import Meter
from tests.bench.read_model import ReadModel
from tests.bench.results import keep
from tests.bench.visiting import Browser, Pages

PORT_BASE = 22200
PARTS = ("kafka", "mongod", "http")
MEASURED = ("http", "mongod")
USERS = STREAMS = 20
STREAM_SECONDS = 20
T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--live", action="store_true")
    given = parser.parse_args()
    if given.live:
        with running_posthorn(PORT_BASE) as posthorn:
            return keep("console-live", asyncio.run(delays(posthorn.stack)))
    with running_stack(PORT_BASE, {}, PARTS) as stack:
        found = asyncio.run(read(stack, ReadModel(stack), given.messages, given.seconds))
    return keep("console", {"messages": given.messages, **found})


async def read(stack: Stack, model: ReadModel, messages: int, seconds: float) -> dict[str, Any]:
    until = datetime.now(UTC)
    took = await asyncio.to_thread(model.fill, messages, until)
    filled = shown({"seconds": round(took), "per_s": round(messages / took), "mib": model.size()})
    pages = await pages_of(model.browser, messages, until)
    return {
        "filled": filled,
        "looked_at": shown(await model.looked_at(pages)),
        "without_a_pause": shown(await visited(stack, model.browser, pages, seconds, 0)),
        "with_a_pause_of_1_s": shown(await visited(stack, model.browser, pages, seconds, 1)),
        "held_open": shown(await held_open(stack, model.browser)),
    }


async def visited(stack: Stack, browser: Browser, pages: Pages, seconds: float, think: float) -> dict[str, Any]:
    """CPU seconds are per 1,000 pages."""
    meter = Meter.of(pids(stack))
    waits = await browser.visit(pages, USERS, seconds, think)
    used = meter.per_thousand(waits.requests)
    by_kind = {kind: asdict(of) for kind, of in sorted(waits.percentiles().items())}
    return {"per_s": round(waits.requests / waits.seconds, 1), "cpu_s_per_1000": used, "ms": by_kind}


async def held_open(stack: Stack, browser: Browser) -> dict[str, Any]:
    """In per cent of a core: nothing happens meanwhile, so that all of it is looking."""
    async with browser.held_open(f"{LIST}/live", STREAMS):
        meter, began = Meter.of(pids(stack)), time.monotonic()
        await asyncio.sleep(STREAM_SECONDS)
        seconds = time.monotonic() - began
    # per thousand milliseconds are seconds per second
    used = meter.per_thousand(round(seconds * 1000))
    return {"streams": STREAMS, "cpu_percent": {name: round(100 * each, 1) for name, each in used.items()}}


def pids(stack: Stack) -> dict[str, int]:
    return {name: pid for name in MEASURED if (pid := stack.pid(name))}


def shown(found: T) -> T:
    print(found, flush=True)
    return found


if __name__ == "__main__":
    main()
