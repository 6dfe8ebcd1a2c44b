"""A whole Posthorn whose processes may do nothing that `posthorn access` does not say, and lack nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.parts import Program, PythonPart
from deploy.local.ports import HOST
from deploy.local.processes import wait_until
from deploy.local.stack import Stack
from deploy.local.starting import start_together, stop_together
from services.doctor.examination import CHECKS
from shared.contracts.topics import EVENTS, LIVE, Lane
from shared.kafka.publish import Outgoing, Publisher
from tests.e2e.account import Account, fresh
from tests.e2e.test_outcomes import (
    test_a_suppression_stops_a_message_that_waits,
    test_an_address_that_bounced_hard_is_not_tried_again,
)
from tests.e2e.test_returns import (
    test_a_complaint_stops_the_address_and_not_spam_does_not,
    test_a_reply_arrives_in_the_mailbox_that_it_was_meant_for,
)
from tests.e2e.test_webhooks import test_an_endpoint_that_fails_gets_the_same_webhook_again
from tests.fixtures.deployment import eventually
from tests.fixtures.own_ports import own_ports
from tests.secured.world import OPERATOR, World

pytestmark = pytest.mark.usefixtures("nothing_denied")

__all__ = [
    "test_a_complaint_stops_the_address_and_not_spam_does_not",
    "test_a_reply_arrives_in_the_mailbox_that_it_was_meant_for",
    "test_a_suppression_stops_a_message_that_waits",
    "test_an_address_that_bounced_hard_is_not_tried_again",
    "test_an_endpoint_that_fails_gets_the_same_webhook_again",
]


def posthorn(stack: Stack, *arguments: str, **environ: str) -> str:
    """Runs a command of the operator; what it printed."""
    command = [str(Path(sys.executable).with_name("posthorn")), *arguments]
    done = subprocess.run(command, env={**stack.env, **environ}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("stream", ["authentication", "billing"])
async def test_a_message_goes_from_the_request_to_the_host_the_webhook_and_the_read_model(
    account: Account, stream: str
) -> None:
    name, _ = await account.hook("email.accepted", "email.delivered")
    recipient = fresh("defer-once")
    (message_id,) = await account.send(recipient, stream=stream)
    email = await account.reaches(message_id, "delivered", seconds=60)
    assert email["recipient"] == recipient
    assert len(await account.mail(recipient)) == 1
    got = await account.hooked(name, 2, message_id)
    assert {each["json"]["type"] for each in got} == {"email.accepted", "email.delivered"}
    assert all(each["verified"] for each in got)


@contextmanager
def alone(stack: Stack, world: World, service: str) -> Iterator[httpx.Client]:
    """A process with the routes of one service as that service's user, and a client of the operator's."""
    ports = {"health": own_ports(26450), "http": own_ports(26450) + 1}
    own = {"POSTHORN_HEALTH_PORT": "{health}", "POSTHORN_HTTP_PORT": "{http}"}
    program = Program(f"alone-{service}", ("-m", "services.cli", "run", f"{service}:http"), "health", own)
    part = PythonPart(program, stack.home, ports, lambda: {**stack.env, **world.as_user(f"posthorn-{service}")})
    token = {"Authorization": f"Bearer {stack.env['POSTHORN_OPERATOR_TOKEN']}"}
    try:
        start_together([part], lambda text: None)
        with httpx.Client(base_url=f"http://{HOST}:{ports['http']}", headers=token, timeout=30) as client:
            yield client
    finally:
        stop_together([part], lambda text: None)


def test_the_senders_routes_count_what_waits_as_its_own_user(world: World, stack: Stack) -> None:
    with alone(stack, world, "sender") as client:

        def stages() -> list[dict[str, Any]]:
            return client.get("/v1/queue").json()["stages"] or []

        def known() -> bool:
            found = stages()
            return bool(found) and all(each["count"] is not None for each in found)

        assert wait_until(known, 60), stages()


def test_the_routers_routes_read_past_decisions_as_its_own_user(world: World, stack: Stack) -> None:
    with alone(stack, world, "router") as client:
        reply = client.post("/v1/platform/routes/replay", json={"limit": 10})
        assert reply.status_code == 200, reply.text


def test_the_routes_of_suppression_publish_as_its_own_user(world: World, stack: Stack) -> None:
    with alone(stack, world, "suppression") as client:
        reply = client.post("/v1/platform/erasures", json={"email": fresh("ok")})
        assert reply.status_code in (201, 202), reply.text


async def test_what_occurred_is_read_again_for_a_new_endpoint(account: Account) -> None:
    (message_id,) = await account.send(fresh("ok"))
    await account.reaches(message_id, "delivered")
    name, endpoint = await account.hook("email.delivered")
    since = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    reply = await account.http.post(f"/v1/webhooks/{endpoint['id']}/backfill", json={"since": since})
    assert reply.status_code == 202, reply.text
    await account.hooked(name, 1, message_id)


async def test_a_person_is_erased_by_every_service(account: Account) -> None:
    person = fresh("ok")
    (message_id,) = await account.send(person)
    await account.reaches(message_id, "delivered")
    erasure = (await account.http.post("/v1/erasures", json={"email": person})).json()

    async def ended() -> bool:
        return bool((await account.get(f"/v1/erasures/{erasure['id']}"))["state"] != "running")

    await eventually(ended, seconds=90, what="the erasure")


async def test_a_record_that_cannot_be_read_goes_to_the_dead_letters_and_comes_back(
    world: World, stack: Stack, account: Account
) -> None:
    publisher = Publisher(world.settings(OPERATOR), "test")  # type: ignore[arg-type]
    await publisher.publish([Outgoing(name, "unreadable", b"{}") for name in LIVE])
    await publisher.close()

    async def buried() -> bool:
        counts = json.loads(await asyncio.to_thread(posthorn, stack, "dlq", "list", "--json"))
        return all(counts[name] for name in LIVE)

    await eventually(buried, seconds=60, every=1, what="a dead letter of every topic")
    done = await asyncio.to_thread(posthorn, stack, "dlq", "replay", EVENTS, "--key", "unreadable")
    assert done.startswith("replayed ")


async def test_a_consumer_joins_and_leaves_its_group_and_what_the_others_read_goes_on(
    stack: Stack, account: Account
) -> None:
    for name in ("router", "suppression", "sender", "webhooks", "ingest"):
        await asyncio.to_thread(stack.stop, name)
        (message_id,) = await account.send(fresh("ok"), stream="security")
        await asyncio.to_thread(stack.start, name)
        await account.reaches(message_id, "delivered", seconds=60)


def test_the_operator_makes_topics_and_indexes_again_and_the_read_model(stack: Stack) -> None:
    assert not posthorn(stack, "topics")
    posthorn(stack, "indexes")
    assert posthorn(stack, "rebuild").startswith("read ")
    assert f"mail.accepted.{Lane.CRITICAL}" in posthorn(stack, "topics", POSTHORN_TOPIC_PARTITIONS="7")


def test_the_operator_seals_again(stack: Stack) -> None:
    found = json.loads(posthorn(stack, "reseal", "--json"))
    assert [each for each in found if each["closed"] or each["again"]] == []
    assert sum(each["present"] for each in found) > 0


def test_the_operator_asks_what_is_wrong(world: World, stack: Stack) -> None:
    asked = {"topics", "database"}
    others = [f"--skip={each.name}" for each in CHECKS if each.name not in asked]
    found = json.loads(posthorn(stack, "doctor", "--json", *others))
    world.note_denials()  # of the broker's settings and MongoDB's compatibility version, which it does without
    assert {each["check"]: each["findings"] for each in found["checks"]} == {name: [] for name in asked}


def test_the_users_are_as_they_should_be_when_asked_for_again(world: World, stack: Stack) -> None:
    assert "0 ACLs made, 0 taken away" in world.access("kafka", "--apply")
    world.access("mongo", "--apply")
