"""`Idempotency-Key`: one set of messages for one key, and the first reply to everyone who asks again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from services.ingest.store.submissions import COLLECTION
from tests.fixtures.deployment import Deployment
from tests.integration.ingest.conftest import DOMAIN, Door, make_workspace, open_door, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = {"Idempotency-Key": "order-4711"}
BODY = send(to=["a@example.test", "b@example.test"], bcc=["c@example.test"], headers={"X-A": "1", "X-B": "2"})


def messages_of(submissions: list[dict[str, Any]]) -> list[str]:
    return [message["id"] for submission in submissions for message in submission["messages"]]


async def test_the_same_request_gets_the_same_bytes(tenant: Door) -> None:
    first = await tenant.post(BODY, headers=KEY)
    again = await tenant.post(BODY, headers=KEY)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    submissions = await tenant.submissions()
    assert messages_of(submissions) == [message["uuid"] for message in first.json()["data"]["messages"]]
    assert len(await tenant.contents()) == 1, "a replay writes nothing"


async def test_what_is_the_same_request(tenant: Door) -> None:
    """The order of fields, spaces, quotes around the key, nulls, and the path's form change nothing."""
    first = await tenant.post(BODY, headers=KEY)
    turned = {name: BODY[name] for name in reversed(BODY)} | {"headers": {"X-B": "2", "X-A": "1"}, "text": None}
    replays = [
        await tenant.post(
            content=orjson.dumps(turned, option=orjson.OPT_INDENT_2),
            headers={"Idempotency-Key": '"order-4711"', "content-type": "application/json"},
        ),
        await tenant.post(BODY, headers=KEY, path=f"/v1/workspaces/{tenant.workspace.id}/emails"),
    ]
    assert [reply.content for reply in replays] == [first.content] * 2
    assert len(await tenant.submissions()) == 1


async def test_another_request_with_a_used_key_is_422(tenant: Door) -> None:
    await tenant.post(BODY, headers=KEY)
    for change in ({"subject": "other"}, {"to": BODY["to"][:1]}, {"headers": {}}, {"stream": "billing"}):
        reply = await tenant.post({**BODY, **change}, headers=KEY)
        assert reply.status_code == 422, reply.text
        assert reply.json()["code"] == "idempotency_key_reused"
    assert len(await tenant.submissions()) == 1


async def test_fifty_at_once_make_one_set_of_messages(tenant: Door) -> None:
    replies = await asyncio.gather(*(tenant.post(BODY, headers=KEY) for _ in range(50)))
    assert {reply.status_code for reply in replies} == {202}
    assert len({reply.content for reply in replies}) == 1
    assert sum("idempotency-replayed" not in reply.headers for reply in replies) == 1
    submissions = await tenant.submissions()
    assert messages_of(submissions) == [message["uuid"] for message in replies[0].json()["data"]["messages"]]


async def test_at_once_with_different_requests_one_wins(tenant: Door) -> None:
    bodies = [{**BODY, "subject": f"number {number % 5}"} for number in range(20)]
    replies = await asyncio.gather(*(tenant.post(body, headers=KEY) for body in bodies))
    [submission] = await tenant.submissions()
    for body, reply in zip(bodies, replies, strict=True):
        assert reply.status_code == (202 if body["subject"] == submission["subject"] else 422)


async def test_only_accepted_requests_hold_a_key(tenant: Door) -> None:
    assert (await tenant.post({**BODY, "subject": ""}, headers=KEY)).status_code == 422
    assert (await tenant.post(BODY, headers=KEY)).status_code == 202


async def test_a_replay_needs_nothing_that_has_changed_since(tenant: Door) -> None:
    """The domain is gone and expires_at has passed: the request was accepted all the same."""
    workspace, tenant.key = await make_workspace(tenant.workspaces)
    domain, _ = await tenant.workspaces.create_domain(workspace.id, DOMAIN, verified=True)
    body = {**BODY, "expires_at": (datetime.now(UTC) + timedelta(seconds=1)).isoformat()}
    first = await tenant.post(body, headers=KEY)
    assert first.status_code == 202, first.text
    entity = await tenant.workspaces._entities.get(domain.kind, domain.id)
    assert entity is not None
    await tenant.workspaces._entities.put(domain.kind, domain.id, workspace.id, entity.data, deleted=True)

    async def refused_without_key() -> bool:
        reply = await tenant.post(body)
        return {fault["pointer"] for fault in reply.json().get("errors", [])} == {"#/from", "#/expires_at"}

    from tests.fixtures.deployment import eventually

    await eventually(refused_without_key)
    assert (await tenant.post(body, headers=KEY)).content == first.content


async def test_another_workspace_may_use_the_same_key(tenant: Door) -> None:
    first = await tenant.post(BODY, headers=KEY)
    workspace, other_key = await make_workspace(tenant.workspaces)
    await tenant.workspaces.create_domain(workspace.id, DOMAIN, verified=True)
    other = await tenant.post(BODY, headers={**KEY, "Authorization": f"Bearer {other_key}"})
    assert (first.status_code, other.status_code) == (202, 202)
    assert first.content != other.content
    assert "idempotency-replayed" not in other.headers


async def test_without_a_key_every_request_is_its_own(tenant: Door) -> None:
    first, second = await tenant.post(BODY), await tenant.post(BODY)
    assert (first.status_code, second.status_code) == (202, 202)
    assert len(set(messages_of(await tenant.submissions()))) == 6


async def test_a_key_ends(deployment: Deployment) -> None:
    """Under a key's life of no length at all every request finds the holder's key ended, also fifty at once."""
    async with open_door(deployment, idempotency_hours=1e-9) as door:
        first = await door.post(BODY, headers=KEY)
        second = await door.post({**BODY, "subject": "other"}, headers=KEY)
        assert (first.status_code, second.status_code) == (202, 202)
        ended, holder = await door.submissions()
        assert not {"key", "key_until", "digest", "reply"} & set(ended)
        assert holder["key"] == KEY["Idempotency-Key"]
        assert messages_of([ended]) == [message["uuid"] for message in first.json()["data"]["messages"]]


async def test_an_ended_key_is_taken_over_by_one_of_many(deployment: Deployment) -> None:
    async with open_door(deployment) as door:
        old = await door.post(BODY, headers=KEY)
        submissions = deployment.database("ingest")[COLLECTION]
        await submissions.update_one({}, {"$set": {"key_until": datetime.now(UTC) - timedelta(seconds=1)}})
        replies = await asyncio.gather(*(door.post(BODY, headers=KEY) for _ in range(20)))
        assert {reply.status_code for reply in replies} == {202}
        assert len({reply.content for reply in replies}) == 1
        assert replies[0].content != old.content
        assert len(await door.submissions()) == 2


async def test_the_look_up_uses_the_keys_index(tenant: Door) -> None:
    await tenant.post(BODY, headers=KEY)
    query = {"workspace_id": tenant.workspace.id, "key": "order-4711"}
    plan = await tenant.deployment.database("ingest")[COLLECTION].find(query).explain()
    assert plan["queryPlanner"]["winningPlan"]["inputStage"]["indexName"] == "workspace_id_1_key_1"
