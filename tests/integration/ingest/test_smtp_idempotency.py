"""A mailer that sends again because it heard no reply makes no second message; and MongoDB away is 4xx."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from tests.fixtures.deployment import eventually
from tests.fixtures.wire import Wire
from tests.integration.ingest.conftest import Door
from tests.integration.ingest.smtp_door import MAIL, MESSAGE, RCPT, SmtpDoor, open_smtp
from tests.integration.ingest.test_outage import INSERT_OF_SUBMISSIONS

pytestmark = pytest.mark.asyncio(loop_scope="module")
MANY = 200


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def smtp(module_door: Door, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SmtpDoor]:
    async with open_smtp(module_door, tmp_path_factory.mktemp("smtp")) as opened:
        yield opened


async def deliver(smtp: SmtpDoor, content: bytes, *commands: str, key: str | None = None) -> str:
    """The whole reply to one message on a connection of its own."""
    async with smtp.talk(key=key) as talk:
        await talk.begin(*commands)
        talk.send(content + b".\r\n")
        await talk.hear()
        return talk.said


async def test_200_at_once_with_one_key_make_one_message(smtp: SmtpDoor) -> None:
    workspace, key = await smtp.new_sender()
    content = b"X-Posthorn-Idempotency-Key: order-4711\r\n" + MESSAGE
    waiting = [asyncio.create_task(deliver(smtp, b"Message-ID: <%d@a.test>\r\n" % n + content, key=key))
               for n in range(MANY)]  # fmt: skip
    said = set(await asyncio.gather(*waiting))
    [submission] = await smtp.stored(workspace.id)
    assert said == {f"250 2.0.0 queued as {submission['_id']}\r\n"}
    assert len(submission["messages"]) == 1


async def test_the_same_message_again_is_the_one_that_was_stored(smtp: SmtpDoor) -> None:
    workspace, key = await smtp.new_sender()
    content = b"Message-ID: <1@acme.test>\r\n" + MESSAGE
    first = await deliver(smtp, content, key=key)
    again = [deliver(smtp, content, key=key) for _ in range(10)]
    again.append(deliver(smtp, b"Date: Sat, 21 Nov 2026 19:00:00 +0000\r\n" + content, key=key))
    assert set(await asyncio.gather(*again)) == {first}
    assert len(await smtp.stored(workspace.id)) == 1
    others = [
        deliver(smtp, content.replace(b"482910", b"482911"), key=key),
        deliver(smtp, content.replace(b"<1@", b"<2@"), key=key),
        deliver(smtp, content, MAIL, RCPT, "RCPT TO:<other@example.test>", key=key),
        deliver(smtp, MESSAGE, key=key),
        deliver(smtp, MESSAGE, key=key),
    ]
    assert len({first, *await asyncio.gather(*others)}) == 6
    assert len(await smtp.stored(workspace.id)) == 6
    keyless = [one for one in await smtp.stored(workspace.id) if "key" not in one]
    assert len(keyless) == 2, "without Message-ID all are new"


async def test_the_same_message_from_another_credential_is_another(smtp: SmtpDoor) -> None:
    workspace, key = await smtp.new_sender()
    other = await smtp.door.workspaces.create_api_key(workspace.id, "other")
    content = b"Message-ID: <1@acme.test>\r\n" + MESSAGE
    said = {await deliver(smtp, content, key=each) for each in (key, other.secret)}
    assert len(said) == 2


async def test_that_ends_after_minutes_and_a_callers_own_key_after_hours(smtp: SmtpDoor) -> None:
    workspace, key = await smtp.new_sender()
    derived = b"Message-ID: <1@acme.test>\r\n" + MESSAGE
    own = b"X-Posthorn-Idempotency-Key: mine\r\n" + MESSAGE
    first = [await deliver(smtp, content, key=key) for content in (derived, own)]
    [one, two] = await smtp.stored(workspace.id)
    assert one["key_until"] - one["accepted_at"] == timedelta(minutes=10)
    assert two["key_until"] - two["accepted_at"] == timedelta(hours=24)
    submissions = smtp.door.deployment.database("ingest")["submissions"]
    past = datetime.now(UTC) - timedelta(seconds=1)
    await submissions.update_many({"workspace_id": workspace.id}, {"$set": {"key_until": past}})
    for content, before in zip((derived, own), first, strict=True):
        now = await deliver(smtp, content, key=key)
        assert now.startswith("250 ")
        assert now != before
    assert len(await smtp.stored(workspace.id)) == 4


async def test_a_key_stands_for_one_message_at_every_door(smtp: SmtpDoor) -> None:
    workspace, key = await smtp.new_sender()
    content = b"X-Posthorn-Idempotency-Key: k\r\n" + MESSAGE
    assert (await deliver(smtp, content, key=key)).startswith("250 ")
    assert (await deliver(smtp, content.replace(b"482910", b"1"), key=key)).startswith("550 5.6.0 ")
    body = {"from": "alerts@acme.test", "to": ["jane@example.test"], "subject": "Your code", "text": "482910"}
    reply = await smtp.door.post(body, headers={"Idempotency-Key": "k", "Authorization": f"Bearer {key}"})
    assert reply.json()["code"] == "idempotency_key_reused"
    assert len(await smtp.stored(workspace.id)) == 1


async def test_what_was_stored_is_found_again_after_its_reply_was_lost(smtp: SmtpDoor, tmp_path: Path) -> None:
    """While MongoDB is away every step is 4xx; the message whose insert was not acknowledged is found again."""
    wire = Wire(smtp.door.deployment.shared.mongo_url)
    workspace, key = await smtp.new_sender()
    content = b"Message-ID: <1@acme.test>\r\n" + MESSAGE
    async with wire.open():
        way = f"{wire.url}&serverSelectionTimeoutMS=500"
        async with open_smtp(smtp.door, tmp_path, mongo_url=way, answer_seconds=2) as other:
            async with other.talk(key=key) as talk:
                await talk.begin()
                wire.mute_from = INSERT_OF_SUBMISSIONS
                talk.send(content + b".\r\n")

                async def stored() -> bool:
                    return len(await smtp.stored(workspace.id)) == 1

                await eventually(stored)
                wire.sever()
                assert await talk.hear() == "451 4.3.0"

                async def nobody_knows() -> bool:
                    await talk.ask("RSET")
                    return await talk.ask(MAIL) == "451 4.3.0"

                await eventually(nobody_knows)  # what is remembered is forgotten as soon as it might be outdated
            async with other.talk(login=False) as talk:
                assert await talk.login(key) == "454 4.7.0"
            wire.restore()

            async def accepted() -> str | None:
                async with other.talk(login=False) as talk:
                    if await talk.login(key) != "235 2.7.0" or await talk.ask(MAIL) != "250 2.1.0":
                        return None
                    await talk.begin(RCPT)
                    talk.send(content + b".\r\n")
                    return talk.said if await talk.hear() == "250 2.0.0" else None

            said = await eventually(accepted)
    [submission] = await smtp.stored(workspace.id)
    assert said == f"250 2.0.0 queued as {submission['_id']}\r\n"
