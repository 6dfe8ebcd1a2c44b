"""The read model made again from the topics: from nothing, over what is there, of one workspace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.ingest.app import create_app
from services.ingest.projection.rebuild import rebuild
from services.ingest.settings import Settings
from shared.contracts.events import EventType, event_of
from shared.contracts.topics import EVENTS, LIVE, WEBHOOK_EVENTS, Lane, accepted, dead_letters
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.test_cli import Command
from tests.unit.ingest.lives import BEGAN, make_message, outcome, webhook


async def documents(deployment: Deployment, collection: str = "messages") -> dict[str, dict[str, Any]]:
    found = await deployment.database("ingest")[collection].find({}).to_list(None)
    return {each["_id"]: each for each in found}


async def projected(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """Lives in two workspaces, projected by the running service; records between that are none."""
    await deployment.prepare("ingest", topics=(*LIVE, *map(dead_letters, LIVE)))
    messages = [make_message(workspace_id=f"w{number % 2}") for number in range(6)]
    events = [event_of(each, EventType.DELIVERED, BEGAN, outcome(each, BEGAN)) for each in messages]
    posts = [webhook(each.message_id, 1).with_changes(workspace_id=each.workspace_id) for each in messages]
    bad = make_message(metadata={"a\0b": "1"})
    service = create_app(deployment.settings(Settings), {"projector"})
    async with service.run():
        for topic, records in (
            (accepted(Lane.STANDARD), [*messages[:3], bad, *messages[3:]]),
            (EVENTS, events), (WEBHOOK_EVENTS, posts),
        ):  # fmt: skip
            broken = [("x", b"not a record", {})]
            await deployment.publish(topic, broken + [(each.message_id, each.encode(), {}) for each in records])

        async def complete() -> bool:
            found = await documents(deployment)
            parts = ("events", "webhooks", "times")
            done = [each for each in found.values() if all(part in each for part in parts)]
            return len(done) == len(messages) and all("published_at" in each["times"] for each in done)

        await eventually(complete)
        # the broken record and the one that is no document; that it is stuck cannot be projected either
        await deployment.records(dead_letters(accepted(Lane.STANDARD)), at_least=2)
        await deployment.records(dead_letters(EVENTS), at_least=2)
    return await documents(deployment)


async def test_a_rebuild_from_nothing_gives_the_same_documents(deployment: Deployment) -> None:
    live = await projected(deployment)
    rebuilt = await rebuild(deployment.shared, "beside")
    assert await documents(deployment, "beside") == live
    assert (rebuilt.records, rebuilt.refused) == (23, 5)
    assert rebuilt.changes >= len(live)

    assert (await rebuild(deployment.shared)).changes == 0
    assert await documents(deployment) == live


async def test_a_rebuild_heals_what_is_missing_and_leaves_what_is_older_than_the_topics(
    deployment: Deployment, tmp_path: Path
) -> None:
    live = await projected(deployment)
    collection = deployment.database("ingest")["messages"]
    old = {"_id": "older than any record", "workspace_id": "w1"}
    await collection.insert_one(old)
    gone, damaged, *_ = sorted(live)
    await collection.delete_one({"_id": gone})
    await collection.update_one({"_id": damaged}, {"$unset": {"events": "", "head": "", "webhooks": ""}})

    said = await Command(deployment, tmp_path)("rebuild")
    assert said[:2] == (0, "read 23 records, 5 of them left out as the projector does; changed documents 6 times\n")
    assert await documents(deployment) == {**live, old["_id"]: old}


async def test_a_rebuild_of_one_workspace_touches_no_other(deployment: Deployment) -> None:
    live = await projected(deployment)
    await rebuild(deployment.shared, "beside", "w1")
    assert await documents(deployment, "beside") == {
        id_: each for id_, each in live.items() if each["workspace_id"] == "w1"
    }


async def test_a_rebuild_takes_what_was_published_since_a_moment(deployment: Deployment) -> None:
    live = await projected(deployment)
    now = datetime.now(UTC)
    before = await rebuild(deployment.shared, "beside", since=now)
    assert (before.records, await documents(deployment, "beside")) == (0, {})

    event = event_of(make_message(workspace_id="w1"), EventType.QUEUED, BEGAN)
    await deployment.publish(EVENTS, [(event.message_id, event.encode(), {})])
    after = await rebuild(deployment.shared, "beside", since=now)
    assert (after.records, set(await documents(deployment, "beside"))) == (1, {event.message_id})
    everything = await rebuild(deployment.shared, "all", since=now - timedelta(hours=1))
    assert (everything.records, len(await documents(deployment, "all"))) == (24, len(live) + 1)
