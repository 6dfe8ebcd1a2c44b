"""Hostile requests through the whole door: what is accepted says what was asked, what is refused leaves nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from services.sender.mail.personal import LinksBelow, personal
from shared.content import ContentStore
from shared.contracts.messages import Message
from shared.links import Links
from shared.mail.compose import compose
from tests.integration.ingest.conftest import DOMAIN, Door
from tests.unit.ingest.header_oracle import assert_as_asked
from tests.unit.ingest.hostile_requests import Hostile, hostile_requests

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("examples", [40, pytest.param(1000, marks=pytest.mark.verify)])
async def test_what_is_stored_says_what_was_asked(tenant: Door, examples: int) -> None:
    await tenant.limit(smtputf8=True)
    statuses = set()
    for hostile in drawn(examples):
        before = await stored(tenant)
        body = json.dumps(hostile.body).encode()
        reply = await tenant.post(content=body, headers={"content-type": "application/json"})
        statuses.add(reply.status_code)
        if reply.status_code == 202:
            assert_as_asked(await composed(tenant, reply.json()["data"]["messages"][0]["uuid"]), hostile)
        else:
            assert reply.status_code in (400, 422), reply.text
            assert await stored(tenant) == before
    assert {202, 422} <= statuses


def drawn(examples: int) -> list[Hostile]:
    cases: list[Hostile] = []

    @settings(max_examples=examples, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(hostile_requests(sender_domain=DOMAIN))
    def collect(hostile: Hostile) -> None:
        cases.append(hostile)

    collect()
    return cases


async def stored(tenant: Door) -> list[int]:
    """How many documents the workspace has."""
    mine: dict[str, Any] = {"workspace_id": tenant.workspace.id}
    places = (("ingest", "submissions"), ("content", "contents"))
    return [await tenant.deployment.database(name)[each].count_documents(mine) for name, each in places]


async def composed(tenant: Door, message_id: str) -> bytes:
    """The message as the sender makes it of what was stored."""
    found = await tenant.deployment.database("ingest")["submissions"].find_one({"messages.id": message_id})
    assert found is not None
    record = Message.decode(bytes(found["messages"][0]["record"]))
    contents = await ContentStore(tenant.deployment.database("content")).load([record.content_id])
    links = LinksBelow(Links(tenant.deployment.shared.token_key_bytes), "https://links.acme.test")
    content = personal(contents[record.content_id], record, links)
    return compose(content, message_id=record.message_id, date=record.accepted_at)
