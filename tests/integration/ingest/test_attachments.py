"""Files of messages: what is stored, what is read again, what is refused."""

from __future__ import annotations

from base64 import b64encode
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from shared.content import INLINE_BYTES, ContentStore
from shared.contracts.messages import Message
from shared.mail.compose import compose
from tests.integration.ingest.conftest import SENDER, Door, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

PIXEL = b64encode(b"\x89PNG fake").decode()


def attachment(data: bytes = b"bytes", **changes: Any) -> dict[str, Any]:
    made = {"filename": "invoice.pdf", "content": b64encode(data).decode(), "content_type": "application/pdf"}
    return {name: value for name, value in {**made, **changes}.items() if value is not ...}


async def composed(tenant: Door) -> Any:
    """The one stored message as the sender makes it, parsed by the standard library."""
    (submission,) = await tenant.submissions()
    record = Message.decode(submission["messages"][0]["record"])
    contents = await ContentStore(tenant.deployment.database("content")).load([record.content_id])
    made = compose(contents[record.content_id], message_id=record.message_id, date=record.accepted_at)
    return message_from_bytes(made, policy=default)


async def test_files_and_inline_images_reach_the_message(tenant: Door) -> None:
    files = [
        attachment(b"%PDF"),
        attachment(b"fake png", filename="../über\u202egnp.png", content_type=..., content_id="logo"),
    ]
    reply = await tenant.post(send(html='<img src="cid:logo">', text="see", attachments=files))
    assert reply.status_code == 202
    message = await composed(tenant)
    assert message.get_content_type() == "multipart/mixed"
    related, pdf = message.iter_parts()
    assert related.get_content_type() == "multipart/related"
    assert related.get_param("type") == "multipart/alternative"
    body, image = related.iter_parts()
    assert [part.get_content_type() for part in body.iter_parts()] == ["text/plain", "text/html"]
    assert (image.get_filename(), image["content-id"], image.get_content_type()) == (
        "übergnp.png",
        "<logo>",
        "image/png",
    )
    assert image.get_content_disposition() == "inline"
    assert image.get_content() == b"fake png"
    assert (pdf.get_filename(), pdf.get_content(), pdf.get_content_disposition()) == (
        "invoice.pdf",
        b"%PDF",
        "attachment",
    )


async def test_large_files_stand_in_chunks_and_are_read_whole(tenant: Door) -> None:
    data = bytes(range(256)) * 10_000
    reply = await tenant.post(send(attachments=[attachment(data), attachment(b"small", filename="b.txt")]))
    assert reply.status_code == 202
    assert len(data) > INLINE_BYTES
    (content,) = await tenant.contents()
    assert [each["chunks"] for each in content["attachments"]] == [3, 1]
    message = await composed(tenant)
    assert next(part.get_content() for part in message.iter_attachments()) == data
    uuid = reply.json()["data"]["messages"][0]["uuid"]
    view = (await tenant.get(f"/v1/emails/{uuid}/content")).json()
    first, second = view["attachments"]
    assert (first["size"], second["filename"]) == (len(data), "b.txt")
    file = await tenant.get(first["url"])
    assert file.content == data
    assert file.headers["content-disposition"] == "attachment; filename*=utf-8''invoice.pdf"
    assert (await tenant.get(f"/v1/emails/{uuid}/attachments/none")).status_code == 404


BAD = [
    ("not base64", attachment(content="%%%"), "#/attachments/0/content", "invalid_base64"),
    ("no name", attachment(filename=" / "), "#/attachments/0/filename", "required"),
    ("a long name", attachment(filename="é" * 128), "#/attachments/0/filename", "too_long"),
    ("a header in it", attachment(content_type="a/b\r\nX: y"), "#/attachments/0/content_type", "invalid_content_type"),
    ("a message", attachment(content_type="message/rfc822"), "#/attachments/0/content_type", "invalid_content_type"),
    ("a bad content id", attachment(content_id="a>b"), "#/attachments/0/content_id", "invalid_content_id"),
    ("an unknown field", attachment(disposition="x"), "#/attachments/0/disposition", "unknown_field"),
    ("no content", attachment(content=...), "#/attachments/0/content", "required"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "given", "pointer", "code"), BAD, ids=[case[0] for case in BAD])
async def test_a_bad_file_is_told_and_nothing_is_stored(
    tenant: Door, what: str, given: dict[str, Any], pointer: str, code: str
) -> None:
    reply = await tenant.post(send(attachments=[given]))
    assert reply.status_code == 422, what
    assert [(fault["pointer"], fault["code"]) for fault in reply.json()["errors"]] == [(pointer, code)]
    assert await tenant.nothing_stored()


async def test_too_much_is_413_and_too_many_is_422(tenant: Door) -> None:
    await tenant.limit(max_message_bytes=100_000)
    reply = await tenant.post(send(attachments=[attachment(b"x" * 80_000)]))
    assert (reply.status_code, reply.json()["code"]) == (413, "too_large")
    assert {fault["pointer"] for fault in reply.json()["errors"]} == {"#/html", "#/attachments"}
    reply = await tenant.post(send(attachments=[attachment(b"")] * 51))
    assert reply.json()["errors"][0]["code"] == "too_many"
    twice = [attachment(content_id="x"), attachment(content_id="x")]
    assert (await tenant.post(send(attachments=twice))).json()["errors"][0]["code"] == "duplicate_content_id"
    assert await tenant.nothing_stored()


async def test_a_key_stands_for_the_files_too(tenant: Door) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await tenant.post(send(attachments=[attachment(b"a")]), headers=headers)
    again = await tenant.post(send(attachments=[attachment(b"a")]), headers=headers)
    other = await tenant.post(send(attachments=[attachment(b"b")]), headers=headers)
    assert (first.content, other.status_code) == (again.content, 422)
    assert first.json()["data"]["messages"][0]["from"] == SENDER
