"""Ingest's part in erasures: contact, messages, what was accepted and said; and a rebuild brings nobody back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from services.ingest.app import create_app
from services.ingest.projection.rebuild import rebuild
from services.ingest.settings import Settings
from services.ingest.store.tracked_hits import TrackedHits
from services.ingest.tracking.hits import Hit
from services.ingest.tracking.recorder import Recorder
from shared.contracts.events import Event, EventType, event_of
from shared.contracts.messages import Message
from shared.contracts.topics import EVENTS, LIVE, STAGE_REPORTS, WEBHOOK_EVENTS, dead_letters
from shared.contracts.webhooks import WebhookAttempt
from shared.kafka.publish import Publisher
from shared.secrets import address_hmac
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.erasures import an_erase, ask, confirmed
from tests.fixtures.grep import spellings, stored_with
from tests.integration.ingest.conftest import Door, send
from tests.integration.ingest.read_model import project

QUICK = {"erasure_settle_seconds": 0.5, "sweep_seconds": 0.2, "standard_wait_ms": 10, "events_wait_ms": 10}
ANN, BOB, CARL = "Ann.Person@example.test", "bob@example.test", "carl@example.test"
NAMED = spellings("ann.person", "Ann Person", "l:ann", "l:person", "s:ann", "s:person", "t:person")


async def records(deployment: Deployment, ids: list[str]) -> list[Message]:
    submissions = await deployment.database("ingest")["submissions"].find({}).to_list(None)
    found = {one["id"]: Message.decode(bytes(one["record"])) for each in submissions for one in each["messages"]}
    return [found[id_] for id_ in ids]


async def sent(door: Door, *to: str, **more: Any) -> list[str]:
    reply = await door.post(send(to=list(to), **more))
    assert reply.status_code == 202, reply.text
    return [each["uuid"] for each in reply.json()["data"]["messages"]]


def ended(message: Message, type_: EventType, **data: Any) -> Event:
    said = {"code": 550, "reply": f"550 5.1.1 <{message.recipient}> unknown", "transcript": [message.recipient]}
    return event_of(message, type_, datetime.now(UTC), said | data, attempt=1)


def posted(deployment: Deployment, message: Message) -> WebhookAttempt:
    return WebhookAttempt(
        attempt_id=uuid7(), message_id=message.message_id, workspace_id=message.workspace_id, event_id=uuid7(),
        event_type="email.bounced", endpoint_id=uuid7(), url="http://hook.test/", attempt=1, ms=3, ok=True, status=200,
        address_hmac=address_hmac(deployment.shared.pepper_bytes, message.recipient),
        occurred_at=datetime.now(UTC), excerpt="thanks for Ann Person",
    )  # fmt: skip


async def tell(deployment: Deployment, *events: Event | WebhookAttempt) -> None:
    for topic, kind in ((EVENTS, Event), (WEBHOOK_EVENTS, WebhookAttempt)):
        mine = [each for each in events if isinstance(each, kind)]
        await deployment.publish(topic, [(each.message_id, each.encode(), {}) for each in mine])


async def read_model(deployment: Deployment, name: str = "messages") -> dict[str, dict[str, Any]]:
    return {each["_id"]: each async for each in deployment.database("ingest")[name].find({})}


async def test_nothing_of_a_person_is_left_and_nothing_brings_them_back(door: Door) -> None:
    deployment, database = door.deployment, door.deployment.database("ingest")
    await deployment.prepare(topics=(*LIVE, STAGE_REPORTS, *map(dead_letters, LIVE)))
    key = {"Idempotency-Key": "order-1"}
    request = send(to=[f"Ann Person <{ANN}>", BOB], subject="About Ann Person")
    reply = await door.post(request, headers=key)
    ids = [each["uuid"] for each in reply.json()["data"]["messages"]]
    (alone,) = await sent(door, ANN, subject="For Ann Person", tags=[f"to-{ANN}"], metadata={"name": "Ann Person"})
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    waiting, others = await sent(door, ANN, CARL, scheduled_at=later)
    contact = {"attributes": {"email": ANN, "first_name": "Ann Person"}, "subscribed": True}
    made = (await door.post(contact, "/v1/contacts")).json()["data"]["uuid"]
    await door.post({"event_name": "Ann Person bought", "attributes": {}}, f"/v1/contacts/{made}/events")
    assert await stored_with(deployment.client, deployment.prefix, NAMED)

    shared, bobs, bounced, _ = await records(deployment, [*ids, alone, others])
    settings = deployment.settings(Settings, **QUICK)
    async with create_app(settings, {"relay", "projector"}).run():
        await tell(deployment, ended(shared, EventType.DELIVERED), ended(bounced, EventType.BOUNCED, hard=True))
        await tell(deployment, ended(bobs, EventType.DEFERRED), posted(deployment, bounced))

        async def projected() -> bool:
            found = await read_model(deployment)
            heads = {id_: each.get("head", {}).get("status") for id_, each in found.items()}
            expected = {ids[0]: "delivered", alone: "bounced", ids[1]: "deferred", waiting: "scheduled"}
            return expected.items() <= heads.items() and bool(found[alone].get("webhooks"))

        await eventually(projected, what="the read model")
        erase = an_erase(deployment, ANN.lower(), door.workspace.id)
        await ask(deployment, erase)
        word = await confirmed(deployment, erase, "ingest")
        assert (word.counts["contacts"], word.counts["messages"], word.counts["submissions"]) == (1, 3, 3)

        async def canceled() -> bool:
            return bool((await read_model(deployment))[waiting]["head"]["status"] == "canceled")

        await eventually(canceled, what="the end of what was scheduled")
        # the content that Bob's message needs is there until that has ended
        content = (await door.get(f"/v1/emails/{ids[1]}/content")).json()
        assert content["html"] == "<p>482910</p>"
        assert (await door.get(f"/v1/emails/{ids[0]}/content")).json()["code"] == "content_gone"
        await tell(deployment, ended(bobs, EventType.DELIVERED))
        contents = deployment.database("content")["contents"]

        async def only_the_scheduled_one() -> bool:
            return await contents.count_documents({}) == 1 and "subject" not in (await read_model(deployment))[ids[1]]

        await eventually(only_the_scheduled_one, what="the content to go")
        scheduled = await contents.find_one({})
        await contents.update_many({}, {"$unset": {"to": "", "cc": ""}})  # Carl's mail shows who else gets it
        assert scheduled is not None
        assert await stored_with(deployment.client, deployment.prefix, NAMED) == []

        # the same key is still the same request, and nobody is told twice
        again = await door.post(request, headers=key)
        assert again.headers["idempotency-replayed"] == "true"
        assert ANN.lower() not in again.text.lower()

        # replays and a rebuild tell of nobody
        live = await read_model(deployment)
        await tell(deployment, ended(bounced, EventType.BOUNCED, hard=True), posted(deployment, shared))
        late = bounced.with_changes(recipient=f"{erase.address_hmac}@erased.invalid", tags=[], metadata={})
        await tell(deployment, event_of(late, EventType.CLICKED, datetime.now(UTC), {"url": f"https://a.test/{ANN}"}))
        recorder = Recorder(TrackedHits(database), Publisher(deployment.shared, "unconnected"), 0)
        place = {"workspace_id": door.workspace.id, "message_id": alone, "at": datetime.now(UTC)}
        await recorder.keep(Hit(EventType.CLICKED, **place, url=f"https://a.test/{ANN}", address="192.0.2.7"))
        hit = await database["tracked_hits"].find_one({})
        assert hit is not None
        assert Event.decode(hit["event"]).data == {}
        newer = event_of(bobs, EventType.OPENED, datetime.now(UTC), {})
        await tell(deployment, newer)
        await eventually(
            lambda: database["messages"].count_documents({"times.opened_at": {"$exists": True}}), what="what came last"
        )
        assert await stored_with(deployment.client, deployment.prefix, NAMED) == []
    await rebuild(deployment.shared, "beside")
    rebuilt = await read_model(deployment, "beside")
    assert await stored_with(deployment.client, deployment.prefix, NAMED) == []
    assert {ids[0], alone, waiting} <= rebuilt.keys()
    assert {**rebuilt[waiting], "updated_at": 0} == {**live[waiting], "updated_at": 0}


async def test_what_is_newer_and_who_has_another_workspace_stays(door: Door) -> None:
    deployment = door.deployment
    await deployment.prepare(topics=(*LIVE, STAGE_REPORTS))
    (old,) = await sent(door, ANN)
    moment = datetime.now(UTC) + timedelta(milliseconds=2)
    foreign = (await records(deployment, [old]))[0].with_changes(workspace_id=uuid7(), message_id=uuid7())
    await project(deployment, ended(foreign, EventType.DELIVERED), *(
        ended(each, EventType.DELIVERED) for each in await records(deployment, [old])
    ))  # fmt: skip
    (new,) = await sent(door, ANN)
    await project(deployment, *(ended(each, EventType.DELIVERED) for each in await records(deployment, [new])))
    async with create_app(deployment.settings(Settings, **QUICK), {"relay"}).run():
        erase = an_erase(deployment, ANN.lower(), door.workspace.id, moment)
        await ask(deployment, erase)
        assert (await confirmed(deployment, erase, "ingest")).counts["messages"] == 1
    found = await read_model(deployment)
    assert found[old]["recipient"] == f"{erase.address_hmac}@erased.invalid"
    assert [found[id_]["recipient"] for id_ in (new, foreign.message_id)] == [ANN, ANN]
