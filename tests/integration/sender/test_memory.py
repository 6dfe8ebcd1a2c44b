"""What a sender's process holds while large messages wait for it: `posthorn run sender:deliver`, from outside."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bson import Binary

from shared.content import CHUNK_BYTES, CHUNKS, COLLECTION, Attachment, Content, to_document
from shared.contracts.messages import Host, Message
from shared.tokens import uuid7
from tests.fixtures.deployment import eventually
from tests.fixtures.real_process import HOST, MIB, running
from tests.integration.sender.world import QUICK, World

END = b"\r\n.\r\n"


@dataclass
class Drain:
    """A mail host that takes every message and keeps none: how long each was."""

    port: int = 0
    sizes: list[int] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 drain.test\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                self.sizes.append(await _drained(reader))
            if verb == b"QUIT":
                break
            writer.write(b"250 2.0.0 yes\r\n")
        writer.close()


async def _drained(reader: asyncio.StreamReader) -> int:
    size, tail = 0, b""
    while not tail.endswith(END):
        piece = await reader.read(256 * 1024)
        if not piece:
            break
        size, tail = size + len(piece), (tail + piece)[-len(END) :]
    return size


@asynccontextmanager
async def draining() -> AsyncIterator[Drain]:
    drain = Drain()
    async with await asyncio.start_server(drain.serve, HOST, 0) as server:
        drain.port = server.sockets[0].getsockname()[1]
        yield drain


async def large_content(world: World, size: int) -> str:
    """A content with one file of so many bytes, in chunks."""
    content = world.deployment.database("content")
    blob_id, until = uuid7(), datetime.now(UTC) + timedelta(days=9)
    digest, count = hashlib.sha256(), size // CHUNK_BYTES
    for number in range(count):
        data = hashlib.shake_256(f"{blob_id}/{number}".encode()).digest(64) * (CHUNK_BYTES // 64)
        digest.update(data)
        await content[CHUNKS].insert_one({"_id": f"{blob_id}:{number:05}", "data": Binary(data), "expires_at": until})
    file = Attachment(
        blob_id=blob_id, size=size, digest=digest.hexdigest(), chunks=count,
        filename="a.bin", content_type="application/octet-stream",
    )  # fmt: skip
    made = Content(
        content_id=uuid7(), workspace_id="w1", from_="no-reply@acme.example", to=["someone@sink.test"],
        subject="Large", text="See the file.", attachments=[file], expires_at=until,
    )  # fmt: skip
    await content[COLLECTION].insert_one(to_document(made))
    return made.content_id


@pytest.mark.parametrize(
    ("count", "size", "held", "most"),
    [
        # one takes ten times its size with what the allocator keeps, four at once some 600 MiB
        pytest.param(4, 24 * MIB, 16 * MIB, 420 * MIB, id="short"),
        pytest.param(
            8, 100 * MIB, 64 * MIB, 900 * MIB, id="full", marks=[pytest.mark.verify, pytest.mark.timeout(900)]
        ),
    ],
)
async def test_large_messages_are_composed_one_after_the_other(
    world: World, tmp_path: Path, count: int, size: int, held: int, most: int
) -> None:
    settings = {**QUICK, "held_bytes": held, "lease_seconds": 30}
    async with draining() as drain:
        route = world.route(hosts=[Host(name=HOST, port=drain.port)])
        messages: list[Message] = [
            await world.message(f"r{n}@sink.test", content_id=await large_content(world, size), size=size, route=route)
            for n in range(count)
        ]
        async with running(world.deployment, "sender:deliver", tmp_path / "sender.log", **settings) as process:
            process.forget_peak()
            await world.clear(*messages)

            async def all_delivered() -> bool:
                return len(drain.sizes) >= count

            await eventually(all_delivered, seconds=600, what="every message at the host")
            peak = process.peak_bytes()
    print(f"{count} messages of {size // MIB} MiB: peak {peak / MIB:.0f} MiB")
    assert len(drain.sizes) == count
    assert min(drain.sizes) > size * 4 // 3
    assert peak < most
