"""Messages that ended long ago leave the read model; whatever something still depends on stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.ingest.projection.fold import fold
from services.ingest.publication.retention import Retention
from services.ingest.publication.tenure import HeldTenure
from services.ingest.settings import Settings
from services.ingest.store import old_messages
from services.ingest.store.messages import Messages
from services.ingest.store.old_messages import OldMessages
from shared.contracts.events import EventType, event_of
from shared.mongo.due import Tenure
from shared.tokens import first_id
from tests.fixtures.deployment import Deployment
from tests.integration.ingest.submitted import now
from tests.unit.ingest.lives import make_message

DAYS = 30.0


@pytest.fixture
async def shown(deployment: Deployment) -> Messages:
    await deployment.prepare("ingest", topics=())
    return Messages(deployment.database("ingest"))


async def told(shown: Messages, type_: EventType, age: float, submission: str = "gone") -> str:
    """A message that was accepted so many days ago, and the event that it stands at."""
    accepted_at = now() - timedelta(days=age)
    id_ = first_id(accepted_at)
    message = make_message(message_id=id_, submission_id=submission, accepted_at=accepted_at)
    await shown.write(fold([event_of(message.with_changes(pass_=1), type_, accepted_at, {})]))
    return id_


async def walked(deployment: Deployment) -> int:
    """One walk to the end; how many turns it took."""
    database = deployment.database("ingest")
    retention = Retention(OldMessages(database), HeldTenure(Tenure(database, "retention", 10), 10), DAYS)
    turns = 1
    while await retention.turn():
        turns += 1
    return turns


async def left(deployment: Deployment) -> set[str]:
    return {each["_id"] async for each in deployment.database("ingest")["messages"].find({}, {"_id": 1})}


async def test_what_ended_goes_with_its_days(deployment: Deployment, shown: Messages) -> None:
    ends = [EventType.DELIVERED, EventType.BOUNCED, EventType.SUPPRESSED, EventType.FAILED, EventType.CANCELED]
    for number, type_ in enumerate(ends):
        await told(shown, type_, DAYS + 1 + number)
    young = {await told(shown, type_, DAYS - 1 - number) for number, type_ in enumerate(ends)}
    await walked(deployment)
    assert await left(deployment) == young


async def test_what_has_not_ended_stays_however_old(deployment: Deployment, shown: Messages) -> None:
    waiting = [EventType.QUEUED, EventType.SENDING, EventType.STUCK, EventType.DEFERRED, EventType.AMBIGUOUS]
    old = {await told(shown, type_, DAYS + 1 + number) for number, type_ in enumerate(waiting)}
    await walked(deployment)
    assert await left(deployment) == old


async def test_what_has_a_submission_stays_for_the_sweeper_to_find(deployment: Deployment, shown: Messages) -> None:
    await deployment.database("ingest")["submissions"].insert_one({"_id": "there"})
    kept = await told(shown, EventType.CANCELED, DAYS + 2, submission="there")
    await told(shown, EventType.CANCELED, DAYS + 3, submission="gone")
    await walked(deployment)
    assert await left(deployment) == {kept}


async def test_a_walk_passes_what_stays_and_comes_to_the_end(
    deployment: Deployment, shown: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_messages, "BATCH", 2)
    await deployment.database("ingest")["submissions"].insert_one({"_id": "there"})
    kept = {await told(shown, EventType.DELIVERED, DAYS + 20 + number, submission="there") for number in range(3)}
    for number in range(4):
        await told(shown, EventType.DELIVERED, DAYS + 1 + number)
    assert await walked(deployment) == 4
    assert await left(deployment) == kept


async def test_it_is_off_unless_asked_for_and_never_below_what_kafka_brings_back(deployment: Deployment) -> None:
    assert deployment.settings(Settings).message_days is None
    with pytest.raises(ValueError, match="greater than or equal to 8"):
        deployment.settings(Settings, message_days=7.9)
