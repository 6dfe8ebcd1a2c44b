"""Further processes beside those of a stack, processes that stand still, and who owns what meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.parts import SERVICES, PythonPart, wait_ready
from deploy.local.ports import choose_port
from deploy.local.stack import Stack
from shared.mongo.client import make_client, open_database
from shared.settings import SharedSettings

PROGRAMS = {program.name: program for program in SERVICES}


@asynccontextmanager
async def further(stack: Stack, wanted: Mapping[str, tuple[str, Mapping[str, str]]]) -> AsyncIterator[dict[str, int]]:
    """Runs further processes, by a name of their own: of which part each is, and what its environment has besides.

    Gives their pids once all are ready. Ends them with the block, those too that stand still.
    """
    taken = set(stack.ports.values())
    parts = []
    for name, (of, environ) in wanted.items():
        taken.add(port := choose_port(name, max(taken) + 1, taken))
        program = replace(PROGRAMS[of], name=name, port=name, settings={"POSTHORN_HEALTH_PORT": str(port)})
        parts.append(PythonPart(program, stack.home, {name: port}, lambda more=environ: {**stack.env, **more}))
    try:
        for part in parts:
            part.start(stack.say)
        for part in parts:
            await asyncio.to_thread(wait_ready, part)
        yield {part.name: identity.pid for part in parts if (identity := part.process.identity())}
    finally:
        for part in parts:
            part.process.signal(signal.SIGCONT)
        await asyncio.gather(*(asyncio.to_thread(part.process.stop, part.stop_seconds) for part in parts))


def standing(pids: Collection[int]) -> set[int]:
    """Which of the processes a SIGSTOP holds."""
    listed = ",".join(map(str, pids))
    shown = subprocess.run(["ps", "-o", "pid=,stat=", "-p", listed], capture_output=True, text=True, check=True)
    rows = [line.split() for line in shown.stdout.splitlines()]
    return {int(pid) for pid, state, *_ in rows if state.startswith("T")}


def go_on(pids: Collection[int]) -> None:
    """Lets processes that stand still go on."""
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


async def members(settings: SharedSettings, groups: Collection[str]) -> dict[str, int]:
    """How many members each consumer group has; 0 while its partitions are being dealt out."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    await admin.start()
    try:
        found = {}
        for group in groups:  # aiokafka reads replies about several groups wrongly
            [reply] = await admin.describe_consumer_groups([group])
            [(_, _, state, _, _, listed, *_)] = reply.groups
            found[group] = len(listed) if state == "Stable" else 0
        return found
    finally:
        await admin.close()


async def deliveries(settings: SharedSettings, condition: dict[str, Any]) -> list[dict[str, Any]]:
    """The sender's deliveries that meet a condition: lease, pass and mark of each."""
    client = make_client(settings)
    try:
        fields = {"lease": 1, "data_sent": 1, "pass": 1}
        found: list[dict[str, Any]] = await (
            open_database(client, settings.database("sender"))["deliveries"].find(condition, fields).to_list(None)
        )
        return found
    finally:
        client.close()


def is_marked(delivery: Mapping[str, Any]) -> bool:
    """Whether the final dot of a delivery may have left in the pass that it is in."""
    return bool(delivery.get("data_sent") == delivery["pass"])
