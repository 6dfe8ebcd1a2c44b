"""Messages with large files: read from the store twice, once to be signed and once to be sent."""

from __future__ import annotations

import hashlib
from email import message_from_bytes
from email.policy import SMTP

from shared.content import CHUNKS, Attachment, Content, ContentStore
from shared.contracts.messages import Host, Message
from shared.links import Link, Links, mark
from shared.mail.compose import compose
from shared.tokens import uuid7
from tests.fixtures.real_process import HOST, MIB
from tests.integration.sender.drain import draining
from tests.integration.sender.large_contents import stored_blob, stored_content
from tests.integration.sender.signing_keys import Keys
from tests.integration.sender.world import World

NONCE = "0123456789abcdef"


def noise(size: int) -> bytes:
    return hashlib.shake_256(b"noise").digest(size)


async def received(world: World, recipient: str) -> bytes:
    (found,) = await world.at_sink(recipient)
    return bytes((await world.sink.http.get(f"/messages/{found['id']}/raw")).content)


async def test_large_files_arrive_as_they_were_stored(world: World) -> None:
    sizes = (2 * MIB + 1, 0, 57, 3 * MIB)
    blobs = [await stored_blob(world, noise(size)) for size in sizes]
    files = [
        Attachment(**blob.model_dump(), filename=f"{n}.bin", content_type="application/octet-stream",
                   content_id="first" if n == 0 else None)
        for n, blob in enumerate(blobs)
    ]  # fmt: skip
    keys = Keys(world)
    keys.add("ph1")
    await keys.say(2, active="ph1")
    content = await stored_content(world, attachments=files, html="<img src=cid:first>", text="..\n.\n")
    message = await world.message(content_id=content.content_id, size=sum(sizes))
    async with world.sender():
        await world.clear(message)
        await world.events(message, "delivered")
    raw = await received(world, "ok@sink.test")
    assert keys.verified(raw) == {"ph1": True}
    loaded = await ContentStore(world.deployment.database("content")).load([content.content_id])
    assert raw.endswith(compose(loaded[content.content_id], message_id=message.message_id, date=message.due_at))
    parts = [part for part in message_from_bytes(raw, policy=SMTP).walk() if part.get_filename()]
    assert [part.get_payload(decode=True) for part in parts] == [noise(size) for size in sizes]


def marked_html() -> tuple[bytes, bytes]:
    """A whole message and its marks' text: one mark stands over the border of two chunks, one at the end."""
    head = b"Message-ID: <1@acme.example>\r\nFrom: no-reply@acme.example\r\nSubject: x\r\n"
    head += b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    written = b"=\r\n" + mark(NONCE, 0).encode() + b"=\r\n"
    left = MIB - len(head) - 14
    lines = (b"x" * 74 + b"\r\n") * (left // 76) + b"y" * (left % 76)
    return head + lines + written + lines[: MIB // 76 * 38] + written + b"\r\n", written


async def test_a_large_message_from_a_caller_goes_out_with_its_links(world: World) -> None:
    raw, written = marked_html()
    assert raw[MIB - 11 :].startswith(mark(NONCE, 0).encode())
    workspace = uuid7()
    keys = Keys(world, workspace, "d3")
    keys.add("ph1")
    await keys.say(1, active="ph1")
    content = await stored_content(
        world, raw=await stored_blob(world, raw), nonce=NONCE, links=[Link(kind="open")], workspace_id=workspace,
    )  # fmt: skip
    message = await world.message(content_id=content.content_id, size=len(raw), workspace_id=workspace)
    async with world.sender(links_url="https://links.test", feedback_sender_id="posthorn1"):
        await world.clear(message)
        await world.events(message, "delivered")
    links = Links(world.deployment.shared.token_key_bytes)
    url = links.url("https://links.test", Link(kind="open"), workspace, message.message_id).encode()
    sent = await received(world, "ok@sink.test")
    assert keys.verified(sent) == {"ph1": True}
    parsed = message_from_bytes(sent, policy=SMTP)
    assert parsed["Feedback-ID"].endswith(":posthorn1")
    html = parsed.get_payload(decode=True)
    assert isinstance(html, bytes)
    assert html.count(url) == 2
    assert html.replace(url, b"") == raw.split(b"\r\n\r\n", 1)[1].replace(written, b"")


async def test_a_file_that_is_gone_ends_the_message_before_a_host_is_asked(world: World) -> None:
    content, message = await with_file(world)
    await forget_last_chunk(world, content)
    async with world.sender():
        await world.clear(message)
        (event,) = await world.events(message, "failed")
    assert event.data["reply"].startswith("content_gone")
    assert await world.attempts_at_sink("ok@sink.test") == 0


async def test_a_file_that_vanishes_while_it_is_sent_is_cut_and_no_attempt_is_counted(world: World) -> None:
    content, message = await with_file(world)
    async with draining() as drain, world.sender():
        drain.before_data = lambda: forget_last_chunk(world, content)
        route = world.route(hosts=[Host(name=HOST, port=drain.port)])
        await world.clear(message.with_changes(route=route))
        (again,) = await world.returned()
        assert (again.pass_, again.attempt) == (1, 0)
        assert (drain.begun, drain.sizes) == (1, [])
        await world.clear(again.with_changes(route=route, verdict=message.verdict))
        (event,) = await world.events(message, "failed")
    assert event.data["reply"].startswith("content_gone")


async def with_file(world: World) -> tuple[Content, Message]:
    blob = await stored_blob(world, noise(6 * MIB))
    file = Attachment(**blob.model_dump(), filename="a.bin", content_type="application/octet-stream")
    content = await stored_content(world, attachments=[file])
    return content, await world.message(content_id=content.content_id, size=blob.size)


async def forget_last_chunk(world: World, content: Content) -> None:
    last = content.attachments[0].chunk_ids()[-1]
    await world.deployment.database("content")[CHUNKS].delete_one({"_id": last})
