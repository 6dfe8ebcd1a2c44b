"""What a message costs by how many processes share the work: one, two and four of each consumer, on four partitions.

Each stage alone, on a Kafka and a MongoDB of its own, in two ways. *Each at a rate*: every process has the same work to
do, however many there are, and a machine that has room for all of it: the cost of a message should stay what it is.
*Flat out*: the processes stand still while all messages are put before them, then go on at once: how many there are a
second, which ends where the machine's cores do. Counted until the last message's effect, so that all are in it.

`python -m tests.bench.replicas [--messages 20000] [--stages router suppression sender webhooks projector]`
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from deploy.local.stack import Stack
from shared.kafka.lag import LagMeter
from tests.bench.kept import kept_in_mongo, kept_on_kafka
from tests.bench.posthorn import running_stack
from tests.bench.processes import Meter
from tests.bench.results import keep
from tests.bench.staged import STAGES, Stage, StageOf
from tests.bench.workspace import until
from tests.faults.owners import further, go_on, members, standing
from tests.fixtures.deployment import eventually
from tests.fixtures.settings import settings_of

PORT_BASE = 22900
PARTITIONS = 4
PROCESSES = (1, 2, 4)
WARM_UP = 2_000
SECONDS, LOOK_SECONDS, STEADY_SECONDS = 600, 0.2, 30
SERVERS = ("kafka", "mongod")


@dataclass(frozen=True)
class Shared:
    """A run of so many processes; CPU milliseconds for a message, of all of them together and of the servers."""

    processes: int
    messages: int
    rate: int | None
    per_s: float
    cpu_ms: Mapping[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    given = parser.parse_args()
    keep("replicas", {name: measured(STAGES[name], given.messages) for name in given.stages})


def measured(of: StageOf, messages: int) -> dict[str, Any]:
    """One stage by one, two and four processes, in turn on the same servers."""
    settings = {"POSTHORN_TOPIC_PARTITIONS": str(PARTITIONS), **of.settings}
    with running_stack(PORT_BASE, settings, (*SERVERS, of.part)) as stack, of.opened(stack) as stage:
        stack.stop(of.part)
        flat_out = [asyncio.run(shared(stack, of, stage, count, messages)) for count in PROCESSES]
        each = [
            asyncio.run(shared(stack, of, stage, count, count * of.rate * STEADY_SECONDS, of.rate))
            for count in PROCESSES
        ]
        done = sum(WARM_UP + run.messages for run in flat_out + each)
        kept = {"mongo": kept_in_mongo(stack, done), "kafka": kept_on_kafka(stack, done)}
    one, *_, four = (run.cpu_ms["processes"] for run in each)
    return {
        "cpu_of_four_to_one": round(four / one, 2),
        "kept_bytes": kept,
        "each_at_a_rate": [asdict(run) for run in each],
        "flat_out": [asdict(run) for run in flat_out],
    }


async def shared(stack: Stack, of: StageOf, stage: Stage, count: int, messages: int, rate: int | None = None) -> Shared:
    """So many processes of a stage, once each has its partitions and has done some. `rate` is messages a second of each
    process; None is flat out."""
    names = [f"{of.part}-{number}" for number in range(count)]
    async with further(stack, dict.fromkeys(names, (of.part, {}))) as pids, lag_of(stack) as lag:
        await dealt_out(stack, of, count)
        await asyncio.to_thread(stage.fill, WARM_UP)
        await emptied(lag, of, stage)
        if rate is None:
            await asyncio.to_thread(halt, list(pids.values()))
            await asyncio.to_thread(stage.fill, messages)
        servers = {name: pid for name in SERVERS if (pid := stack.pid(name))}
        meter, began = Meter.of({**pids, **servers}), time.monotonic()
        if rate is None:
            go_on(pids.values())
        else:
            await asyncio.to_thread(stage.fill, messages, count * rate)
        await emptied(lag, of, stage)
        seconds, used = time.monotonic() - began, meter.per_thousand(messages)
    ours = round(sum(used[name] for name in names), 3)
    run = Shared(
        count, messages, rate, round(messages / seconds, 1), {"processes": ours, **{one: used[one] for one in servers}}
    )
    print(of.part, asdict(run), flush=True)
    return run


@asynccontextmanager
async def lag_of(stack: Stack) -> AsyncIterator[LagMeter]:
    meter = LagMeter(settings_of(stack.env))
    try:
        yield meter
    finally:
        await meter.close()


async def emptied(lag: LagMeter, of: StageOf, stage: Stage) -> None:
    """Returns once everything was read and committed, which is after its effects, and nothing is left of those."""

    async def holds() -> bool:
        unread = sum(each.unread for each in (await lag.measure(of.readers)).values())
        return not unread and not await asyncio.to_thread(stage.left)

    await eventually(holds, seconds=SECONDS, every=LOOK_SECONDS, what="the last effect")


async def dealt_out(stack: Stack, of: StageOf, count: int) -> None:
    """Returns once each process is a member of the stage's consumer groups."""
    settings = settings_of(stack.env)
    groups = [settings.group(reader.group) for reader in of.readers]

    async def holds() -> bool:
        return min((await members(settings, groups)).values()) >= count

    await eventually(holds, seconds=SECONDS, every=LOOK_SECONDS, what="the partitions' dealing out")


def halt(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    until(lambda: standing(pids) == set(pids), "the processes' standstill")


if __name__ == "__main__":
    main()
