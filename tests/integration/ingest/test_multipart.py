"""Files that come as they are: `multipart/form-data` into the store, a chunk at a time."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.integration.ingest.conftest import Door, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB = 1024 * 1024


def form(**changes: Any) -> dict[str, Any]:
    return {"data": {"message": json.dumps(send(**changes))}}


async def test_files_of_a_form_are_attachments_whatever_their_fields(tenant: Door) -> None:
    data = os.urandom(3 * MIB)
    files = [("any", ("a.bin", data)), ("logo", ("logo.png", b"png", "image/png", {"Content-ID": "<logo>"}))]
    reply = await tenant.post(**form(html='<img src="cid:logo">'), files=files)
    assert reply.status_code == 202, reply.text
    uuid = reply.json()["data"]["messages"][0]["uuid"]
    first, second = (await tenant.get(f"/v1/emails/{uuid}/content")).json()["attachments"]
    assert (first["filename"], first["size"], first["content_type"]) == ("a.bin", len(data), "application/octet-stream")
    assert (second["filename"], second["content_id"], second["content_type"]) == ("logo.png", "logo", "image/png")
    assert (await tenant.get(first["url"])).content == data


@pytest.mark.parametrize("name", ["Übersicht.txt", "报告.txt", "\U000bbdfc.txt"])
async def test_a_file_name_is_text_in_utf_8(tenant: Door, name: str) -> None:
    disposition = f'Content-Disposition: form-data; name="f"; filename="{name}"'
    message = f'Content-Disposition: form-data; name="message"\r\n\r\n{json.dumps(send())}'
    body = f"--b\r\n{message}\r\n--b\r\n{disposition}\r\n\r\nx\r\n--b--\r\n".encode()
    reply = await tenant.post(content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert reply.status_code == 202, reply.text
    uuid = reply.json()["data"]["messages"][0]["uuid"]
    [file] = (await tenant.get(f"/v1/emails/{uuid}/content")).json()["attachments"]
    assert file["filename"] == name


async def test_the_same_form_under_a_key_is_the_same_request(tenant: Door) -> None:
    headers = {"Idempotency-Key": "k"}
    replies = [
        await tenant.post(**form(), files=[("f", ("a.txt", text))], headers=headers)
        for text in (b"one", b"one", b"two")
    ]
    assert [reply.status_code for reply in replies] == [202, 202, 422]
    assert replies[0].content == replies[1].content


@pytest.mark.parametrize(
    ("request_", "status", "pointer"),
    [
        ({"files": [("f", ("a.txt", b"x"))]}, 422, "#/from"),
        ({**form(), "files": [("f", ("/", b"x"))]}, 422, "#/attachments/0/filename"),
        ({**form(to=["nobody"]), "files": [("f", ("a.txt", b"x"))]}, 422, "#/to/0"),
        ({**form(), "files": [("f", (f"{number}", b"")) for number in range(51)]}, 413, "#/attachments"),
        ({**form(), "files": [("f", ("a.bin", b"x" * 20 * MIB))]}, 413, "#/attachments"),
    ],
    ids=["no message", "no name", "a bad address", "too many", "too large"],
)
async def test_what_is_refused_leaves_nothing_behind(
    tenant: Door, request_: dict[str, Any], status: int, pointer: str
) -> None:
    reply = await tenant.post(**request_)
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (status, pointer)
    assert await tenant.nothing_stored()


@pytest.mark.parametrize(
    "body", [b"", b"--b\r\n", b"no form", b'--b\r\nContent-Disposition: form-data; name="m"\r\n\r\nx']
)
async def test_what_is_no_form_is_told(tenant: Door, body: bytes) -> None:
    reply = await tenant.post(content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert (reply.status_code, reply.json()["code"]) == (400, "malformed_form")
    assert await tenant.nothing_stored()


async def test_an_upload_that_is_cut_off_leaves_nothing_behind(tenant: Door) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\n'
    begun = asyncio.Event()

    async def cut() -> AsyncIterator[bytes]:
        yield head + b"x" * 3 * MIB
        begun.set()
        await asyncio.Event().wait()

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    upload = asyncio.create_task(tenant.post(content=cut(), headers=headers))
    await begun.wait()
    upload.cancel()
    await asyncio.gather(upload, return_exceptions=True)
    assert await tenant.nothing_stored()
