"""What became of messages, over HTTP: one, many, and how each came to be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.ingest.projection.fold import Delta, delta_of, webhook_delta
from services.ingest.store.messages import Messages
from shared.contracts.events import Event, EventType, accepted_event, event_of
from shared.contracts.messages import Message
from shared.contracts.topics import Stream
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment
from tests.integration.ingest.conftest import Door, make_workspace, open_door, send
from tests.unit.ingest.lives import BEGAN, make_message, outcome, webhook


@dataclass
class History:
    """A workspace's door, and its read model to write to."""

    door: Door
    messages: Messages

    async def get(self, path: str = "/v1/emails", key: str | None = None, **query: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.door.key if key is None else key}"}
        return await self.door.http.get(path, params=query, headers=headers)

    async def found(self, **query: Any) -> list[str]:
        reply = await self.get(**query)
        assert reply.status_code == 200, reply.text
        return [message["uuid"] for message in reply.json()["data"]]

    def message(self, **changes: Any) -> Message:
        return make_message(message_id=uuid7(), workspace_id=self.door.workspace.id, **changes)

    async def tell(self, *events: Event) -> None:
        deltas: dict[str, Delta] = {}
        for event in events:
            deltas.setdefault(event.message_id, Delta()).add(delta_of(event))
        await self.messages.write(deltas)

    async def accept(self, count: int = 1, **changes: Any) -> list[Message]:
        """Messages that the read model shows as accepted, newest first as lists show them."""
        messages = [self.message(**changes) for _ in range(count)]
        await self.tell(*map(accepted_event, messages))
        return sorted(messages, key=lambda message: message.message_id, reverse=True)


@pytest.fixture
async def history(deployment: Deployment) -> AsyncIterator[History]:
    async with open_door(deployment) as door:
        yield History(door, Messages(deployment.database("ingest")))


async def test_a_message_is_found_before_the_read_model_has_heard_of_it(history: History) -> None:
    accepted = (await history.door.post(send(to=["a@example.test"], bcc=["b@example.test"]))).json()["data"]
    for message in accepted["messages"]:
        shown = (await history.get(f"/v1/emails/{message['uuid']}")).json()
        assert {name: shown[name] for name in message} == message
        assert (shown["unified_status"], shown["subject"], shown["attempts"]) == ("queued", "Your code", 0)
        trace = (await history.get(shown["links"]["trace"])).json()
        assert [entry["step"] for entry in trace["data"]] == ["accepted"]
        assert trace["trace_id"] == shown["trace_id"]


async def test_a_delivered_message_and_its_trace(history: History) -> None:
    message = history.message().with_changes(attempt=1)
    delivered = event_of(message, EventType.DELIVERED, BEGAN + timedelta(seconds=3), outcome(message, BEGAN))
    await history.tell(accepted_event(message), delivered)
    posted = webhook(message.message_id, 2).with_changes(workspace_id=history.door.workspace.id)
    await history.messages.write({message.message_id: webhook_delta(posted)})
    for prefix in ("/v1", f"/v1/workspaces/{history.door.workspace.id}"):
        shown = (await history.get(f"{prefix}/emails/{message.message_id}")).json()
        assert (shown["status"], shown["unified_status"], shown["attempts"]) == ("delivered", "delivered", 1)
        trace = (await history.get(f"{prefix}/emails/{message.message_id}/trace")).json()
        assert [entry["step"] for entry in trace["data"]] == ["accepted", "routed", "checked", "attempt", "webhook"]
        assert trace["data"][3]["transcript"] == [{"stage": "rcpt", "reply": "250 ok", "ms": 3}]
        assert trace["data"][1]["candidates"][1]["lost"] == "second"


async def test_another_workspace_sees_nothing(history: History) -> None:
    [message] = await history.accept()
    accepted = (await history.door.post(send())).json()["data"]["messages"][0]["uuid"]
    other, key = await make_workspace(history.door.workspaces, name="Other")
    for id_ in (message.message_id, accepted):
        for path in (f"/v1/emails/{id_}", f"/v1/emails/{id_}/trace", f"/v1/workspaces/{other.id}/emails/{id_}"):
            assert (await history.get(path, key=key)).status_code == 404
    assert (await history.get(key=key)).json() == {"data": [], "has_more": False, "next_cursor": None}
    assert (await history.get(f"/v1/workspaces/{history.door.workspace.id}/emails", key=key)).status_code == 404


async def test_the_gates(history: History) -> None:
    sender = await history.door.workspaces.create_api_key(history.door.workspace.id, "send", ["email.send"])
    for path in ("/v1/emails", "/v1/emails/x", "/v1/emails/x/trace"):
        assert (await history.get(path, key="")).status_code == 401
        refused = await history.get(path, key=sender.secret)
        assert (refused.status_code, refused.json()["required_scope"]) == (403, "email.history")


async def test_unknown_ids_are_not_found(history: History) -> None:
    for id_ in ("x", "0" * 36, "00000000-0000-7000-8000-000000000000", "%00", "$ne"):
        for path in (f"/v1/emails/{id_}", f"/v1/emails/{id_}/trace"):
            reply = await history.get(path)
            assert (reply.status_code, reply.json()["code"]) == (404, "not_found"), path


async def test_each_filter_finds_its_messages_and_no_others(history: History) -> None:
    await history.accept(3)
    [wanted] = await history.accept(
        recipient="Someone@example.test", sender="billing@acme.test", tags=["invoice", "may"], stream=Stream.BILLING
    )
    bounced = event_of(wanted, EventType.BOUNCED, BEGAN, {"class": "mailbox_full"})
    await history.tell(bounced)
    for query in (
        {"status": "bounced"},
        {"recipient": "SOMEONE@example.test"},
        {"sender": "billing@acme.test"},
        {"tag": "may"},
        {"stream": "billing"},
        {"bounce_class": "mailbox_full"},
        {"message_id": wanted.message_id.upper()},
        {"status": "bounced", "tag": "invoice", "stream": "billing"},
    ):
        assert await history.found(**query) == [wanted.message_id], query
    assert await history.found(status="bounced", tag="other") == []


async def test_a_time_range_is_of_acceptance(history: History) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    messages = [(await history.accept(accepted_at=now + timedelta(seconds=number)))[0] for number in (-2, -1, 0)]
    ids = [message.message_id for message in messages]
    middle = (now - timedelta(seconds=1)).isoformat()
    assert set(await history.found(**{"from": middle})) == set(ids[1:])
    assert await history.found(to=middle) == ids[:1]
    assert await history.found(**{"from": middle, "to": now.isoformat()}) == ids[1:2]
    long_ago = (now - timedelta(days=3)).isoformat()
    assert await history.found(to=long_ago) == []


async def test_pages_are_newest_first_and_lose_nothing_to_what_arrives(history: History) -> None:
    messages = await history.accept(7)
    seen: list[str] = []
    cursor = None
    while True:
        reply = (await history.get(limit=3, tag="welcome", **({"cursor": cursor} if cursor else {}))).json()
        seen += [message["uuid"] for message in reply["data"]]
        await history.accept()
        cursor = reply["next_cursor"]
        assert reply["has_more"] == (cursor is not None)
        if cursor is None:
            break
    assert seen == [message.message_id for message in messages]


async def test_a_cursor_serves_its_own_list_alone(history: History) -> None:
    await history.accept(3)
    cursor = (await history.get(limit=1)).json()["next_cursor"]
    for query in ({"tag": "welcome"}, {"status": "pending"}):
        refused = await history.get(cursor=cursor, **query)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/cursor")
    _, key = await make_workspace(history.door.workspaces, name="Other")
    assert (await history.get(key=key, cursor=cursor)).status_code == 422
    assert (await history.get(cursor="AAAA")).status_code == 422
    assert (await history.get(cursor="ä")).status_code == 422


BAD_QUERIES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"limit": 0}, "limit"),
    ({"limit": 101}, "limit"),
    ({"limit": "many"}, "limit"),
    ({"status": "gone"}, "status"),
    ({"stream": "news"}, "stream"),
    ({"from": "yesterday"}, "from"),
    ({"to": "2026-05-01T12:00:00"}, "to"),
    ({"bounce_class": "A b"}, "bounce_class"),
    ({"recipient": ""}, "recipient"),
    ({"tag[$ne]": "x"}, "tag[$ne]"),
    ({"subject": "?!"}, "subject"),
    ({"q": " . "}, "q"),
    ({"recipient": "an"}, "recipient"),
    ({"sender": "@"}, "sender"),
    ({"subject": "a b c d e f g h i j k"}, "subject"),
    ({"search": "x"}, "search"),
)


async def test_bad_queries_are_refused_by_field(history: History) -> None:
    for query, field in BAD_QUERIES:
        reply = await history.get(**query)
        assert reply.status_code == 422, query
        assert [error["pointer"] for error in reply.json()["errors"]] == [f"#/{field}"]


SEARCHES: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "workspace_id_1__id_-1"),
    ({"head.status": "delivered"}, "workspace_id_1_head.status_1__id_-1"),
    ({"recipient_key": "r@example.test"}, "workspace_id_1_recipient_key_1__id_-1"),
    ({"tags": "invoice"}, "workspace_id_1_tags_1__id_-1"),
    ({"bounce.class": "mailbox_full"}, "workspace_id_1_bounce.class_1__id_-1"),
)


async def test_searches_have_their_index_and_need_no_sorting(history: History, deployment: Deployment) -> None:
    await history.accept(50)
    for query, index in SEARCHES:
        condition = {"workspace_id": history.door.workspace.id, "head": {"$exists": True}, **query}
        plan = await deployment.database("ingest")["messages"].find(condition).sort("_id", -1).limit(25).explain()
        assert index in str(plan["queryPlanner"]["winningPlan"])
        assert "'SORT'" not in str(plan["queryPlanner"]["winningPlan"])
