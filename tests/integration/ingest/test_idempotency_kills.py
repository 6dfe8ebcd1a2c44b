"""200 callers with one key, and a process that dies under them: one set of messages, and one reply for all.

POSTHORN_TEST_SEED chooses other moments for the long form.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import trustme

from shared.contracts.topics import LIVE, Lane, accepted
from tests.fixtures.deployment import eventually
from tests.integration.ingest.conftest import Door, send
from tests.integration.ingest.killed import Death, Killed, deaths, posted, submitted, until_heard
from tests.integration.ingest.smtp_door import HOST, MESSAGE, SmtpDoor, free_ports, write_certificate

pytestmark = pytest.mark.timeout(400)  # a process starts again and again
CALLERS, BATCHES, ITEMS = 200, 20, 5
QUICK = [Death("ingest.submission_stored=kill@1")]
POINTS = ("ingest.content_stored", "ingest.submission_stored", "relay.published", "relay.marked")
BODY = send(to=["one@example.test", "two@example.test"])
BATCH = {"emails": [send(to=[f"item{number}@example.test"]) for number in range(ITEMS)]}
KEYED = b"X-Posthorn-Idempotency-Key: order-4711\r\n" + MESSAGE
SHORT = pytest.param(QUICK, id="short")
LONG = [pytest.param(lives, id=" and ".join(map(str, lives)), marks=pytest.mark.verify) for lives in deaths(12, POINTS)]


async def heard_by(
    door: Door,
    roles: str,
    lives: Sequence[Death],
    callers: Sequence[Coroutine[Any, Any, Any]],
    port: int,
    **settings: Any,
) -> list[Any]:
    """What the callers hear while the process dies so many times, and stays at last."""
    await door.deployment.prepare(topics=LIVE)
    killed = Killed(door.deployment, f"ingest:{roles}", port, {"health_port": free_ports(1)[0], **settings})

    async def die_and_rise() -> None:
        for death, following in zip(lives, [*lives[1:], None], strict=True):
            await killed.die(death)
            await killed.start(following.failpoint if following else None)

    try:
        await killed.start(lives[0].failpoint)
        async with asyncio.TaskGroup() as group:
            group.create_task(die_and_rise())
            calls = [group.create_task(caller) for caller in callers]
        assert killed.reached == QUICK or lives is not QUICK
        await eventually(lambda: nothing_pending(door), seconds=60)
    finally:
        await killed.stop()
    return [call.result() for call in calls]


async def nothing_pending(door: Door) -> bool:
    return not await door.deployment.database("ingest")["submissions"].count_documents({"pending": {"$exists": True}})


async def published(door: Door) -> set[str]:
    return {record.key.decode() for record in await door.deployment.records(accepted(Lane.STANDARD))}


async def stored(door: Door) -> dict[str, list[str]]:
    """The ids of the messages by the key of their submission, of which there is one."""
    submissions = await door.submissions()
    by_key = {each["key"]: [message["id"] for message in each["messages"]] for each in submissions}
    assert len(by_key) == len(submissions)
    return by_key


@pytest.mark.parametrize("lives", [SHORT, *LONG])
async def test_one_key_is_one_request_though_the_process_dies(door: Door, lives: Sequence[Death]) -> None:
    (port,) = free_ports(1)
    headers = {"Authorization": f"Bearer {door.key}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(f"http://{HOST}:{port}", headers=headers, connector=connector) as http:
        single = [until_heard(lambda: posted(http, "/v1/emails", BODY, "one")) for _ in range(CALLERS)]
        batches = [until_heard(lambda: whole_batch(http)) for _ in range(BATCHES)]
        heard = await heard_by(door, "http,relay", lives, [*single, *batches], port, http_port=port)
    replies, results = heard[:CALLERS], heard[CALLERS:]
    assert len({reply.body for reply in replies}) == 1
    assert sum(not reply.replayed for reply in replies) <= 1
    assert all(result == results[0] for result in results)
    told = {
        "one": ids_in(orjson.loads(replies[0].body)),
        **{f"many#{n}": ids_in(each) for n, each in enumerate(results[0])},
    }
    assert await stored(door) == told
    assert await published(door) == {id_ for ids in told.values() for id_ in ids}


async def whole_batch(http: aiohttp.ClientSession) -> list[dict[str, Any]] | None:
    """A batch's results, once all of its items are accepted."""
    heard = await posted(http, "/v1/emails/batch", BATCH, "many")
    if heard is None:
        return None
    results = orjson.loads(heard.body)["data"]["results"]
    assert {result["status"] for result in results} <= {202, 409, 503}, results
    if any(result["status"] != 202 for result in results):
        return None
    return [{name: value for name, value in result.items() if name != "replayed"} for result in results]


def ids_in(reply: dict[str, Any]) -> list[str]:
    return [message["uuid"] for message in reply["data"]["messages"]]


@pytest.mark.parametrize("lives", [SHORT, *LONG])
async def test_one_key_is_one_message_over_smtp_though_the_process_dies(
    door: Door, lives: Sequence[Death], tmp_path: Path
) -> None:
    authority = trustme.CA()
    certificate = write_certificate(authority, tmp_path)
    port, tls_port = free_ports(2)
    smtp = SmtpDoor(door, port, tls_port, authority, certificate, certificate)
    settings = {"smtp_port": port, "smtps_port": tls_port, "smtp_certificate_file": certificate}
    tls = smtp.context
    callers = [until_heard(lambda: submitted(smtp, tls, door.key, KEYED)) for _ in range(CALLERS)]
    replies = set(await heard_by(door, "smtp,relay", lives, callers, tls_port, **settings))
    [submission] = await door.submissions()
    assert replies == {f"250 2.0.0 queued as {submission['_id']}\r\n"}
    assert await published(door) == {message["id"] for message in submission["messages"]}
