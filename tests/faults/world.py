"""A stack of its own for faults, with leases and waits so short that a lost process is missed within seconds."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from aiokafka.errors import KafkaError

from deploy.local.dns import publish_txt
from deploy.local.stack import Stack
from services.ingest.bootstrap import Bootstrapped, bootstrap, wait_until_known
from services.ingest.settings import Settings
from shared.addresses import parse_mailbox
from tests.faults.evidence import Witness
from tests.faults.judge import Judgement, judge
from tests.faults.load import MIXED, Load
from tests.faults.quiet import under_way
from tests.faults.read_model import differences
from tests.fixtures.deployment import eventually
from tests.fixtures.settings import settings_as, settings_of

SETTINGS = {
    "POSTHORN_AMBIGUOUS_DELAYS": "[1]",
    "POSTHORN_ROUTE_DOWN_DELAYS": "[0.5]",
    "POSTHORN_LEASE_SECONDS": "6",
    "POSTHORN_SESSION_TIMEOUT_MS": "3000",
    "POSTHORN_SWEEP_SECONDS": "2",
    "POSTHORN_GREYLIST_DELAYS": "[1, 1, 1, 2, 2]",
    "POSTHORN_RETRY_DELAYS": "[1, 1, 1, 2, 2]",
    "POSTHORN_RELEASE_WAIT_SECONDS": "5",
    "POSTHORN_SHUTDOWN_SECONDS": "10",
    "POSTHORN_RELAY_LEASE_SECONDS": "3",
    "POSTHORN_WEBHOOK_TIMEOUT_SECONDS": "3",
    "POSTHORN_WEBHOOK_LEASE_SECONDS": "6",
    "POSTHORN_WEBHOOK_SCHEDULE": "[0, 1, 1, 1, 2, 2, 4, 4]",
    "POSTHORN_WEBHOOK_BREAKER_FIRST_SECONDS": "1",
    "POSTHORN_WEBHOOK_REPLAY_AT_ONCE": "10",
    "POSTHORN_WEBHOOK_BACKFILL_SETTLE_SECONDS": "1",
    "POSTHORN_TRACE_RATIO": "0.05",
    "POSTHORN_RECEIVER_KEEP": "200000",
    "POSTHORN_SINK_TLS": "true",
}
POLL_SECONDS = 0.5
TIMEOUT = aiohttp.ClientTimeout(total=20)


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
    workspace: str
    made_at: datetime

    async def running(self) -> int:
        """How many answered messages the sink has not taken yet."""
        copies = await self.witness.copies(self.load.answered)
        return sum(not count for count in copies.values())

    async def answered(self, count: int, seconds: float) -> None:
        """Returns as soon as so many messages are answered."""

        async def enough() -> bool:
            return len(self.load.answered) >= count

        await eventually(enough, seconds=seconds, every=0.005, what=f"{count} answers")

    async def _left(self) -> dict[str, int]:
        """What is to come yet, by its place; {} when nothing moves any more."""
        left = await under_way(self.stack.env)
        living = [] if left else await self.witness.living(self.load.answered)
        return {"living messages": len(living)} if living else left

    async def _is_quiet(self) -> bool:
        with suppress(KafkaError):  # of a broker that is just back, and does not know its groups yet
            return not await self._left()
        return False

    async def _differing(self) -> dict[str, str]:
        return await differences(settings_of(self.stack.env), self.workspace, self.made_at)

    async def over(
        self, seconds: float, *, whole_topics: bool = True, cut: Collection[tuple[str, int]] | None = None
    ) -> Judgement:
        """The judgement once every message has ended and nothing moves any more, or after `seconds`, whichever is
        first: what still moves then is part of it. `whole_topics`: no record that makes the read model was lost.
        `cut`: see Evidence; None where the load loses replies by itself."""
        began = time.monotonic()
        with suppress(AssertionError):
            await eventually(self._is_quiet, seconds=seconds, every=POLL_SECONDS)
        quiet_after = time.monotonic() - began
        evidence = replace(await self.witness.evidence(self.load.answered), cut=cut)
        if whole_topics:
            evidence = replace(evidence, differing=await self._differing())
        judgement = judge(evidence)
        judgement.counts.update(await self._left())
        judgement.counts["repeated requests"] = self.load.repeats
        judgement.quiet_after = quiet_after
        return judgement


async def new_workspace(stack: Stack, name: str, sender: str) -> Bootstrapped:
    """What `posthorn bootstrap` makes, without a process whose start takes longer than all the rest."""
    settings = settings_as(Settings, stack.env)
    made = await bootstrap(name, parse_mailbox(sender), settings)
    await asyncio.to_thread(publish_txt, stack.home, made.dkim_name, made.dkim_text)
    await wait_until_known(made.made, settings)
    return made


@asynccontextmanager
async def world(stack: Stack, seed: str, *, mix: dict[str, int] = MIXED) -> AsyncIterator[World]:
    """`mix`: what the sink does to the recipients of the load, and how often."""
    name = secrets.token_hex(4)
    sender = f"no-reply@d{name}.example"
    made_at = datetime.now(UTC)
    made = await new_workspace(stack, name, sender)
    headers = {"Authorization": f"Bearer {made.api_key}"}
    async with (
        aiohttp.ClientSession(stack.http_url, headers=headers, timeout=TIMEOUT) as http,
        aiohttp.ClientSession(stack.sink_url, timeout=TIMEOUT) as sink,
    ):
        witness = Witness(http, sink, stack.receiver_url, name)
        await witness.subscribe()
        load = Load(http, sender, f"{seed}-{name}", mix)
        yield World(stack, load, witness, made.workspace_id, made_at)
