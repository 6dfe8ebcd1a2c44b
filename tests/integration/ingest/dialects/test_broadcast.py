"""Broadcast's tongue: the shapes, codes and errors of its published document."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from shared.auth import WORKSPACE_SCOPES
from shared.contracts.events import EventType, event_of
from shared.contracts.messages import Message
from shared.contracts.record import rfc3339
from tests.fixtures.deployment import Deployment
from tests.integration.ingest.conftest import SENDER, Door, make_workspace, open_door
from tests.integration.ingest.read_model import project

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/api/v1/transactionals.json"
FIELDS = [
    "id", "body", "preheader", "queue_at", "recipient_email", "recipient_name", "reply_to", "sent_at", "subject",
    "include_unsubscribe_link", "created_at", "updated_at", "status_url",
]  # fmt: skip


def order(**changes: Any) -> dict[str, Any]:
    body = {"to": "customer@example.test", "subject": "Your order has shipped", "body": "<h1>Order Shipped!</h1>"}
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}


@pytest_asyncio.fixture(loop_scope="module")
async def tenant(tenant: Door) -> Door:
    await tenant.limit(default_sender=SENDER)
    return tenant


async def test_a_transactional_is_created_and_found_by_its_number(tenant: Door) -> None:
    reply = await tenant.post(order(reply_to="help@acme.test", unknown="ignored"), path=PATH)
    assert reply.status_code == 201, reply.text
    made = reply.json()
    assert list(made) == FIELDS
    assert isinstance(made["id"], int)
    assert 0 < made["id"] < 2**53
    assert (made["recipient_email"], made["reply_to"], made["sent_at"]) == (
        "customer@example.test", "help@acme.test", None,
    )  # fmt: skip
    assert made["queue_at"].endswith("Z")
    assert len(made["created_at"]) == len("2025-03-15T10:30:00.000Z")
    assert made["status_url"].endswith(f"/api/v1/transactionals/{made['id']}.json")
    found = await tenant.get(f"/api/v1/transactionals/{made['id']}.json")
    assert (found.status_code, found.json()) == (200, made)
    (submission,) = await tenant.submissions()
    assert submission["door"] == "broadcast"


async def test_a_link_to_unsubscribe_is_added_where_it_is_asked_for(tenant: Door) -> None:
    made = (await tenant.post(order(include_unsubscribe_link=True), path=PATH)).json()
    found = (await tenant.get(f"/api/v1/transactionals/{made['id']}.json")).json()
    assert (made["include_unsubscribe_link"], found["include_unsubscribe_link"]) == (True, True)
    assert found["body"] == made["body"] + '<p><a href="#unsubscribe">Unsubscribe</a></p>'
    (content,) = await tenant.contents()
    assert content["unsubscribe"] is True


async def test_numbers_rise_and_are_each_one_s_own(tenant: Door) -> None:
    ids = [(await tenant.post(order(), path=PATH)).json()["id"] for _ in range(5)]
    assert sorted(set(ids)) == ids


async def test_what_became_of_it_is_shown(tenant: Door) -> None:
    number = (await tenant.post(order(), path=PATH)).json()["id"]
    (submission,) = await tenant.submissions()
    message = Message.decode(submission["messages"][0]["record"])
    at = message.accepted_at + timedelta(seconds=5)
    await project(tenant.deployment, event_of(message, EventType.DELIVERED, at))
    view = (await tenant.get(f"/api/v1/transactionals/{number}.json")).json()
    assert view["sent_at"] == view["updated_at"] == rfc3339(at)
    assert "status" not in view


async def test_a_blocked_one_says_so(tenant: Door) -> None:
    number = (await tenant.post(order(), path=PATH)).json()["id"]
    (submission,) = await tenant.submissions()
    message = Message.decode(submission["messages"][0]["record"])
    await project(
        tenant.deployment, event_of(message, EventType.SUPPRESSED, datetime.now(UTC), {"reason": "hard_bounce"})
    )
    view = (await tenant.get(f"/api/v1/transactionals/{number}.json")).json()
    assert (view["sent_at"], view["status"], view["status_reason"]) == (None, "suppressed", "hard_bounce")


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"body": "x"}, {"recipient_email": ["can't be blank"], "subject": ["can't be blank"]}),
        (order(body=...), {"body": ["can't be blank"]}),
        (order(to="nobody"), {"recipient_email": ["is invalid"]}),
        (order(to=["a@b.test", "c@d.test"]), {"recipient_email": ["is invalid"]}),
        (order(reply_to="x"), {"reply_to": ["is invalid"]}),
    ],
)
async def test_faults_stand_under_their_fields(
    tenant: Door, body: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    reply = await tenant.post(body, path=PATH)
    assert (reply.status_code, reply.json()) == (422, {"errors": errors})
    assert await tenant.nothing_stored()


async def test_without_a_default_sender_nothing_is_sent(tenant: Door) -> None:
    await tenant.limit(default_sender=None)
    reply = await tenant.post(order(), path=PATH)
    assert (reply.status_code, list(reply.json()["errors"])) == (422, ["sender"])


async def test_401_is_for_no_token_and_for_one_without_the_scope(tenant: Door) -> None:
    number = (await tenant.post(order(), path=PATH)).json()["id"]
    tenant.key = "nonsense"
    assert (await tenant.post(order(), path=PATH)).json() == {"error": "Unauthorized"}
    for missing, act in (
        ("email.send", lambda: tenant.post(order(), path=PATH)),
        ("email.history", lambda: tenant.get(f"/api/v1/transactionals/{number}.json")),
    ):
        scopes = [scope for scope in WORKSPACE_SCOPES if scope != missing]
        tenant.key = (await tenant.workspaces.create_api_key(tenant.workspace.id, "less", scopes)).secret or ""
        reply = await act()
        assert (reply.status_code, reply.json()) == (401, {"error": "Unauthorized"})


async def test_404_is_for_another_channels_and_for_what_is_no_number(tenant: Door) -> None:
    number = (await tenant.post(order(), path=PATH)).json()["id"]
    _, tenant.key = await make_workspace(tenant.workspaces)
    for each in (number, "x", 2**70):
        reply = await tenant.get(f"/api/v1/transactionals/{each}.json")
        assert (reply.status_code, reply.json()) == (404, {"error": "Not Found"})


async def test_every_reply_to_a_known_token_tells_of_the_limit(deployment: Deployment) -> None:
    async with open_door(deployment, key_rate_limit=4, workspace_rate_limit=100) as door:
        await door.limit(default_sender=SENDER)
        made = await door.post(order(), path=PATH)
        replies = [
            made,
            await door.get(f"/api/v1/transactionals/{made.json()['id']}.json"),
            await door.get("/api/v1/transactionals/x.json"),
            await door.post({}, path=PATH),
            await door.post(order(), path=PATH),
        ]
        assert [reply.status_code for reply in replies] == [201, 200, 404, 422, 429]
        assert [reply.headers["x-ratelimit-limit"] for reply in replies] == ["4"] * 5
        assert [reply.headers["x-ratelimit-remaining"] for reply in replies] == ["3", "2", "1", "0", "0"]
        assert all(0 <= int(reply.headers["x-ratelimit-reset"]) - time.time() <= 61 for reply in replies)
        assert 1 <= int(replies[-1].headers["retry-after"]) <= 15
        door.key = "nonsense"
        assert "x-ratelimit-limit" not in (await door.post(order(), path=PATH)).headers


async def test_a_key_makes_a_request_once(tenant: Door) -> None:
    headers = {"Idempotency-Key": "order-1"}
    first, again = [await tenant.post(order(), path=PATH, headers=headers) for _ in range(2)]
    assert (first.status_code, first.json()) == (201, again.json())
    assert [reply.headers.get("idempotency-replayed") for reply in (first, again)] == [None, "true"]
