"""A stack of its own for faults, with leases and waits so short that a lost process is missed within seconds."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.local.stack import Stack
from tests.e2e.account import bootstrap
from tests.faults.evidence import Witness
from tests.faults.judge import Judgement, judge
from tests.faults.load import CERTAIN, MIXED, Load
from tests.faults.quiet import under_way
from tests.fixtures.deployment import eventually

SETTINGS = {
    "POSTHORN_AMBIGUOUS_DELAYS": "[1]",
    "POSTHORN_ROUTE_DOWN_DELAYS": "[0.5]",
    "POSTHORN_LEASE_SECONDS": "6",
    "POSTHORN_SESSION_TIMEOUT_MS": "6000",
    "POSTHORN_SWEEP_SECONDS": "2",
    "POSTHORN_GREYLIST_DELAYS": "[1, 1, 1, 2, 2]",
    "POSTHORN_RETRY_DELAYS": "[1, 1, 1, 2, 2]",
    "POSTHORN_RELEASE_WAIT_SECONDS": "5",
    "POSTHORN_RELAY_LEASE_SECONDS": "3",
    "POSTHORN_WEBHOOK_TIMEOUT_SECONDS": "3",
    "POSTHORN_WEBHOOK_LEASE_SECONDS": "6",
    "POSTHORN_WEBHOOK_SCHEDULE": "[0, 1, 1, 1, 2, 2, 4, 4]",
    "POSTHORN_WEBHOOK_BREAKER_FIRST_SECONDS": "1",
}
POLL_SECONDS = 0.5


@contextmanager
def own_stack(home: Path, port_base: int, settings: Mapping[str, str] = SETTINGS) -> Iterator[Stack]:
    """A running stack with a Kafka and a mongod of its own, so that no fault reaches other tests."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("POSTHORN_")}
    made = Stack(home, port_base=port_base, environ={**environ, **settings})
    try:
        made.up()
        yield made
    finally:
        made.down()


@dataclass
class World:
    """A fresh workspace of a stack, a load that speaks for it, and who looks at what became of that."""

    stack: Stack
    load: Load
    witness: Witness

    async def running(self) -> int:
        """How many answered messages the sink has not taken yet."""
        copies = await self.witness.copies(self.load.answered)
        return sum(not count for count in copies.values())

    async def _left(self) -> dict[str, int]:
        """What is to come yet, by its place; {} when nothing moves any more."""
        living = await self.witness.living(self.load.answered)
        return {"living messages": len(living)} if living else await under_way(self.stack.env)

    async def _is_quiet(self) -> bool:
        return not await self._left()

    async def over(self, seconds: float) -> Judgement:
        """The judgement once every message has ended and nothing moves any more, or after `seconds`, whichever is
        first: what still moves then is part of it."""
        with suppress(AssertionError):
            await eventually(self._is_quiet, seconds=seconds, every=POLL_SECONDS)
        judgement = judge(await self.witness.evidence(self.load.answered))
        judgement.counts.update(await self._left())
        judgement.counts["repeated requests"] = self.load.repeats
        return judgement


@asynccontextmanager
async def world(stack: Stack, seed: str, *, certain: bool = False) -> AsyncIterator[World]:
    """`certain`: no recipient of the load loses a reply after the final dot by itself."""
    name = secrets.token_hex(4)
    sender = f"no-reply@d{name}.example"
    home = await asyncio.to_thread(bootstrap, stack, name, sender)
    headers = {"Authorization": f"Bearer {home['api_key']}"}
    async with (
        httpx.AsyncClient(base_url=home["base_url"], headers=headers, timeout=20) as http,
        httpx.AsyncClient(base_url=home["sink_url"], timeout=20) as sink,
        httpx.AsyncClient(base_url=home["receiver_url"], timeout=20) as receiver,
    ):
        witness = Witness(http, sink, receiver, name)
        await witness.subscribe()
        yield World(stack, Load(http, sender, f"{seed}-{name}", CERTAIN if certain else MIXED), witness)
