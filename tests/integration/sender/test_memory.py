"""What a sender's process holds while large messages go out: `posthorn run sender:deliver`, from outside."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.sender.destinations.adaptation import Standing
from shared.content import Attachment
from shared.contracts.entities import Kind
from shared.contracts.messages import Host, Message
from tests.fixtures.deployment import eventually
from tests.fixtures.real_process import HOST, MIB, running
from tests.integration.sender.drain import draining
from tests.integration.sender.large_contents import stored_blob, stored_content
from tests.integration.sender.standing import standing
from tests.integration.sender.world import QUICK, World


async def large_content(world: World, size: int) -> str:
    """A content with one file of so many bytes, in chunks."""
    blob = await stored_blob(world, bytes(range(256)) * (size // 256))
    file = Attachment(**blob.model_dump(), filename="a.bin", content_type="application/octet-stream")
    return (await stored_content(world, attachments=[file])).content_id


@pytest.mark.parametrize(
    ("count", "size", "most"),
    [
        pytest.param(4, 24 * MIB, 60 * MIB, id="short"),
        pytest.param(8, 100 * MIB, 100 * MIB, id="full", marks=[pytest.mark.verify, pytest.mark.timeout(900)]),
    ],
)
async def test_large_messages_at_once_take_little_memory(
    world: World, tmp_path: Path, count: int, size: int, most: int
) -> None:
    """`most` is beside what the process takes before they come."""
    settings = {**QUICK, "lease_seconds": 30}
    # one workspace never has all of a destination's connections
    await world.know(
        Kind.TRANSPORT, "direct", {"name": "direct", "kind": "direct", "max_connections": 4 * count}, version=2
    )
    async with draining() as drain:
        drain.gate = asyncio.Event()
        route = world.route(hosts=[Host(name=HOST, port=drain.port)])
        content = await large_content(world, size)
        messages: list[Message] = [
            await world.message(f"r{n}@sink.test", content_id=content, size=size, route=route) for n in range(count)
        ]
        async with running(world.deployment, "sender:deliver", tmp_path / "sender.log", **settings) as process:
            await standing(world, Standing(window=2 * count))
            before = process.resident_bytes()
            process.forget_peak()
            await world.clear(*messages)

            async def all_begun() -> bool:
                return drain.begun >= count

            await eventually(all_begun, seconds=600, what="every message at once at the host")
            drain.gate.set()

            async def all_delivered() -> bool:
                return len(drain.sizes) >= count

            await eventually(all_delivered, seconds=600, what="every message at the host")
            taken = process.peak_bytes() - before
    print(f"{count} messages of {size // MIB} MiB at once: {before / MIB:.0f} + {taken / MIB:.0f} MiB")
    assert len(drain.sizes) == count
    assert min(drain.sizes) > size * 4 // 3
    assert taken < most
