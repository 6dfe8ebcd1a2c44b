"""What a process of ingest holds while large uploads come in: `posthorn run ingest:http`, measured from outside."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from shared.content import Content, ContentStore, of_document
from tests.fixtures.deployment import Deployment
from tests.fixtures.real_process import MIB, RealProcess, running
from tests.integration.ingest.conftest import SENDER, Door, open_door

BOUNDARY = "upload-of-a-test"
PIECE = 256 * 1024


def piece_of(upload: int, file: int, place: int) -> bytes:
    """Bytes that stand nowhere else: no chunk of a file can be taken for another."""
    return hashlib.shake_256(f"{upload}/{file}/{place}".encode()).digest(64) * (PIECE // 64)


def digest_of(upload: int, file: int, size: int) -> str:
    digest = hashlib.sha256()
    for place in range(size // PIECE):
        digest.update(piece_of(upload, file, place))
    return digest.hexdigest()


async def form(upload: int, files: int, size: int) -> AsyncIterator[bytes]:
    """Sendy's form, made as it is sent."""
    for name, value in (("to", f"r{upload}@example.test"), ("subject", f"upload {upload}"), ("text", "See the files.")):
        yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    for file in range(files):
        yield (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f{file}"; filename="{file}.bin"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        for place in range(size // PIECE):
            yield piece_of(upload, file, place)
        yield b"\r\n"
    yield f"--{BOUNDARY}--\r\n".encode()


async def upload(client: httpx.AsyncClient, number: int, files: int, size: int) -> httpx.Response:
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return await client.post(
        "/api/v1/emails/send/multipart", content=form(number, files, size), headers=headers, timeout=900
    )


async def stored_digests(door: Door, content: Content) -> list[str]:
    """The SHA-256 of each attachment as it stands in the store, read a chunk at a time."""
    store = ContentStore(door.deployment.database("content"))
    digests = []
    for attachment in content.attachments:
        digest = hashlib.sha256()
        for number in range(attachment.chunks):
            chunk = await store.chunk(attachment, number)
            assert chunk is not None
            digest.update(chunk)
        digests.append(digest.hexdigest())
    return digests


async def measure(door: Door, process: RealProcess, uploads: int, files: int, size: int) -> int:
    """The process's peak while the uploads came in at once; all of them have to be stored as they were sent."""
    async with httpx.AsyncClient(base_url=process.base_url, headers={"Authorization": f"Bearer {door.key}"}) as client:
        assert (await upload(client, uploads, 1, PIECE)).status_code == 200  # whatever the first request makes
        process.forget_peak()
        replies = await asyncio.gather(*(upload(client, number, files, size) for number in range(uploads)))
        assert [reply.status_code for reply in replies] == [200] * uploads, [reply.text for reply in replies]
    peak = process.peak_bytes()
    contents = {each["subject"]: of_document(each) for each in await door.contents()}
    for number in range(uploads):
        expected = [digest_of(number, file, size) for file in range(files)]
        assert await stored_digests(door, contents[f"upload {number}"]) == expected
    return peak


@pytest.mark.parametrize(
    ("uploads", "files", "size", "most"),
    [
        # the 160 MiB that come in would take a process that kept them far over this
        pytest.param(4, 4, 10 * MIB, 180 * MIB, id="short"),
        pytest.param(8, 10, 50 * MIB, 300 * MIB, id="full", marks=[pytest.mark.verify, pytest.mark.timeout(1800)]),
    ],
)
async def test_uploads_at_once_take_no_more_memory_than_their_chunks(
    deployment: Deployment, tmp_path: Path, uploads: int, files: int, size: int, most: int
) -> None:
    async with open_door(deployment) as door:
        await door.limit(max_message_bytes=1024 * MIB, default_sender=SENDER)
        async with running(deployment, "ingest:http", tmp_path / "ingest.log") as process:
            peak = await measure(door, process, uploads, files, size)
            print(f"{uploads} x {files} x {size // MIB} MiB: peak {peak / MIB:.0f} MiB")
            assert peak < most
