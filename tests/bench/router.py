"""The router alone: one process that reads what was accepted, chooses by 20 rules a workspace, and passes it on.

Ten workspaces, 200 recipient domains whose MX records it asks a name server for. First as fast as it can go through
what waits for it, then at a steady rate: how long a message takes from topic to topic. A record is one message.

`python -m tests.bench.router [--messages 30000] [--runs 3] [--rate 1000]`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from deploy.local.stack import Stack
from tests.bench.accepted import Accepted, mail_hosts
from tests.bench.percentiles import Percentiles
from tests.bench.posthorn import running_stack
from tests.bench.processes import Meter, forget_peak
from tests.bench.results import keep
from tests.fixtures.dns_server import name_server

PORT_BASE = 21800
WARM_UP = 2000
SECONDS = 600
STEADY_SECONDS = 15
PARTS = ("kafka", "mongod", "router")
GOAL_PER_S = 5000


@dataclass(frozen=True)
class Drained:
    """A run through what waited, from the first record on; CPU seconds are per 1,000 messages."""

    messages: int
    per_s: float
    cpu_s_per_1000: dict[str, float]
    peak_mib: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=30_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rate", type=int, default=1000)
    given = parser.parse_args()
    with (
        running_names() as names,
        running_stack(PORT_BASE, {"POSTHORN_NAMESERVERS": json.dumps([names])}, PARTS) as stack,
    ):
        mail = Accepted(stack.env)
        mail.configure()
        drained(stack, mail, WARM_UP)
        runs = [drained(stack, mail, given.messages) for _ in range(given.runs)]
        took = steady(stack, mail, given.rate)
    rates = [run.per_s for run in runs]
    result: dict[str, Any] = {
        "per_s": median(rates),
        "goal_per_s": GOAL_PER_S,
        "router_cpu_ms_per_message": median(run.cpu_s_per_1000["router"] for run in runs),
        "runs": [asdict(run) for run in runs],
        "steady": {"rate": given.rate, "stage_ms": asdict(took)},
    }
    keep("router", result)


def drained(stack: Stack, mail: Accepted, messages: int) -> Drained:
    """Has the messages wait for a router that is started then; its start and its first batch are not measured."""
    stack.stop("router")
    before = mail.routed()
    mail.fill(messages)
    stack.start("router")
    first, began = mail.until_routed(before + 1, SECONDS)
    pids = {name: pid for name in PARTS if (pid := stack.pid(name))}
    meter = Meter.of(pids)
    forget_peak(pids["router"])
    _, ended = mail.until_routed(before + messages, SECONDS)
    measured = before + messages - first
    run = Drained(measured, round(measured / (ended - began), 1), meter.per_thousand(measured), meter.peaks())
    print(asdict(run), flush=True)
    return run


def steady(stack: Stack, mail: Accepted, rate: int) -> Percentiles:
    """From the accepted topic to the routed one, at a rate that leaves the machine room."""
    stack.start("router")
    return mail.paced(rate * STEADY_SECONDS, rate)


@contextmanager
def running_names() -> Iterator[str]:
    """A name server with the domains' MX records, in a thread of its own; its address."""
    loop, found = asyncio.new_event_loop(), threading.Event()
    address = ""
    stop = asyncio.Event()

    async def serve() -> None:
        nonlocal address
        async with name_server() as names:
            for domain, host in mail_hosts():
                names.mx(domain, host)
            address = names.address
            found.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    found.wait()
    try:
        yield address
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


if __name__ == "__main__":
    main()
