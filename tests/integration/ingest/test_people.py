"""All that ingest holds of one person, for them to have."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.contracts.events import EventType, event_of
from shared.contracts.messages import Message
from tests.integration.ingest.conftest import Door, send
from tests.integration.ingest.read_model import project

pytestmark = pytest.mark.asyncio(loop_scope="module")
ANN = "Ann@x.test"


async def test_everything_of_one_person_is_there_in_pages(tenant: Door) -> None:
    for subject in ("first", "second"):
        await tenant.post(send(to=[ANN, "bob@x.test"], subject=subject))
    submissions = tenant.deployment.database("ingest")["submissions"]
    async for submission in submissions.find({"workspace_id": tenant.workspace.id}):
        records = [Message.decode(bytes(one["record"])) for one in submission["messages"]]
        data = {"code": 250, "reply": "thanks, Ann"}
        events = [event_of(one, EventType.DELIVERED, datetime.now(UTC), data) for one in records]
        await project(tenant.deployment, *events)
    contact = {"attributes": {"email": ANN, "first_name": "Ann"}, "subscribed": True}
    made = (await tenant.post(contact, "/v1/contacts")).json()["data"]["uuid"]
    await tenant.post({"event_name": "bought", "attributes": {"plan": "big"}}, f"/v1/contacts/{made}/events")

    first = (await tenant.get(f"/v1/people/messages/{ANN.lower()}?limit=1")).json()
    second = (await tenant.get(f"/v1/people/messages/{ANN}?limit=1&cursor={first['next_cursor']}")).json()
    assert [page["data"][0]["content"]["subject"] for page in (first, second)] == ["second", "first"]
    assert (first["has_more"], second["has_more"], second["next_cursor"]) == (True, False, None)
    (event,) = first["data"][0]["events"].values()
    assert (first["data"][0]["recipient"], event["data"]["reply"]) == (ANN, "thanks, Ann")
    (found,) = (await tenant.get(f"/v1/people/contacts/{ANN}")).json()["data"]
    assert (found["id"], found["attributes"]["first_name"]) == (made, "Ann")
    (told,) = (await tenant.get(f"/v1/people/contact-events/{ANN}")).json()["data"]
    assert (told["event_name"], told["attributes"]) == ("bought", {"plan": "big"})
    assert (await tenant.get("/v1/people/contact-events/nobody@x.test")).json()["data"] == []
    refused = await tenant.get(f"/v1/people/messages/{ANN}?cursor=other")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/cursor")
    assert (await tenant.get("/v1/people/messages/no-address")).status_code == 404
