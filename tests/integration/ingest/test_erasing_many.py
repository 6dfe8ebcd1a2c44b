"""A person with very much mail: it is erased a little at a time, and nobody else's mail waits for that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.contracts.entities import EntityChange, Kind, Workspace
from shared.contracts.events import EventType, event_of
from shared.contracts.topics import EVENTS, LIVE, STAGE_REPORTS
from shared.mongo.entities import Entities
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.erasures import an_erase, ask, confirmed
from tests.fixtures.grep import spellings, stored_with
from tests.fixtures.many import AT_ONCE, FORMS, largest_read
from tests.fixtures.messages import a_message
from tests.integration.ingest.persons import accepted, ended

ANN = "ann.person@erase.test"
QUICK = {"erasure_settle_seconds": 0.5, "sweep_seconds": 0.2, "events_wait_ms": 10, "session_timeout_ms": 6000}
SEEDED = 1000


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("count", FORMS)
async def test_much_mail_is_erased_a_little_at_a_time(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Half of it has ended, half waits for its time."""
    await deployment.prepare("ingest", topics=(*LIVE, STAGE_REPORTS))
    workspace = Workspace(name="Test", owner_email="owner@c.example").model_dump()
    change = EntityChange(
        kind=Kind.WORKSPACE, id="w1", workspace_id="w1", version=1, changed_at=datetime.now(UTC), data=workspace
    )
    await Entities(deployment.database("ingest")).apply([change])
    due = datetime.now(UTC) + timedelta(days=1)
    for _ in range(0, count, SEEDED):
        await ended(deployment, [a_message(ANN) for _ in range(SEEDED // 2)])
        await accepted(deployment, [a_message(ANN) for _ in range(SEEDED // 2)], due_at=due, scheduled_at=due)
    most = largest_read(monkeypatch)
    known, messages = (deployment.database("ingest")[name] for name in ("known_erasures", "messages"))
    async with create_app(deployment.settings(Settings, **QUICK), {"relay", "projector"}).run():
        erase = an_erase(deployment, ANN, "w1")
        await ask(deployment, erase)
        await eventually(lambda: known.count_documents({"lease": {"$exists": True}}), what="the pass")
        other = a_message("bob@erase.test")
        told = event_of(other, EventType.DELIVERED, datetime.now(UTC), {"code": 250})
        await deployment.publish(EVENTS, [(other.message_id, told.encode(), {})])
        await eventually(lambda: messages.count_documents({"_id": other.message_id}), what="another's mail")
        assert await known.count_documents({"ended_at": {"$exists": True}}) == 0  # it is still being done
        word = await confirmed(deployment, erase, "ingest", seconds=count / 20 + 20)
        # the ends of what waited come to the read model beside the passes
        assert count // 2 <= word.counts.pop("messages") <= count
        assert word.counts == {"submissions": count, "contents": count, "hits": 0, "contacts": 0}
    assert await stored_with(deployment.client, deployment.prefix, spellings(ANN)) == []
    assert most[0] <= AT_ONCE
