"""`GET /v1/activity` over HTTP: the figures of the key's own workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from services.ingest.projection.activity import Counted, of_event, of_post, slot_of
from services.ingest.projection.fold import fold
from services.ingest.store.activity_counts import ActivityCounts
from services.ingest.store.messages import Messages
from shared.contracts.events import Event, EventType, accepted_event, event_of
from shared.contracts.messages import Message
from shared.contracts.topics import Lane
from shared.tokens import first_id
from tests.fixtures.deployment import Deployment
from tests.fixtures.messages import a_message
from tests.integration.ingest.conftest import Door, make_workspace, open_door
from tests.integration.ingest.submitted import now
from tests.unit.ingest.lives import webhook

NOTHING = dict.fromkeys(
    ("accepted", "delivered", "deferred", "ambiguous", "bounced", "complained", "suppressed", "failed", "canceled"), 0
)


@pytest.fixture
async def door(deployment: Deployment) -> AsyncIterator[Door]:
    async with open_door(deployment) as opened:
        yield opened


async def tell(door: Door, *events: Event) -> None:
    """Has the projector's stores hear of events."""
    database = door.deployment.database("ingest")
    await Messages(database).write(fold(events))
    counts = ActivityCounts(database)
    await counts.add(Counted("events:0", offset, of_event(event)) for offset, event in enumerate(events))


async def asked(door: Door, path: str = "/v1/activity", key: str | None = None, **query: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {door.key if key is None else key}"}
    return await door.http.get(path, params=query, headers=headers)


def critical(door: Door, wait: timedelta, **changes: Any) -> Message:
    return a_message(lane=Lane.CRITICAL, workspace_id=door.workspace.id, accepted_at=now() - wait, **changes)


async def test_the_figures_of_a_workspace(door: Door) -> None:
    moment = now()
    quick, slow = (critical(door, timedelta(seconds=wait), attempt=1) for wait in (2, 8))
    timings = {"timings": {"connect": 1000}}
    await tell(
        door,
        *(event_of(each, EventType.DELIVERED, moment, timings) for each in (quick, slow)),
        event_of(a_message(workspace_id=door.workspace.id), EventType.RELAYED, moment),
        accepted_event(critical(door, timedelta(0))),
    )
    post = webhook(quick.message_id, 2).with_changes(workspace_id=door.workspace.id, occurred_at=moment)
    await ActivityCounts(door.deployment.database("ingest")).add([Counted("posts:0", 0, of_post(post))])

    for path in ("/v1/activity", f"/v1/workspaces/{door.workspace.id}/activity"):
        shown = (await asked(door, path)).json()
        assert (shown["slot_seconds"], len(shown["data"])) == (300, 288)
        [slot] = [each for each in shown["data"] if datetime.fromisoformat(each["at"]) == slot_of(moment)]
        assert slot["critical"] == NOTHING | {"accepted": 1, "delivered": 2}
        assert slot["standard"] == NOTHING | {"delivered": 1}
        assert slot["webhooks"] == {"ok": 1, "failed": 0}
        since, until = (datetime.fromisoformat(shown["per_minute"][name]) for name in ("since", "until"))
        assert shown["per_minute"]["critical"]["delivered"] == pytest.approx(
            2 / ((until - since) / timedelta(minutes=1)), abs=0.001
        )
        lane = shown["critical_lane"]
        assert lane["target"] == {"seconds": 5, "share": 0.99}
        for period in ("hour", "day"):
            assert lane[period] == {
                "attempted": 2, "in_time": 1, "share": 0.5, "p50_seconds": 1, "p99_seconds": pytest.approx(9.9)
            }  # fmt: skip


async def test_what_waits_beyond_the_target_is_shown(door: Door) -> None:
    """A message id tells when its message was accepted."""
    old = critical(door, timedelta(seconds=30)).with_changes(message_id=first_id(now() - timedelta(seconds=30)))
    await tell(door, accepted_event(old), accepted_event(critical(door, timedelta(0))))
    lane = (await asked(door)).json()["critical_lane"]
    assert lane["waiting"] == {"count": 1, "more": False}
    assert lane["hour"] == {
        "attempted": 0, "in_time": 0, "share": None, "p50_seconds": None, "p99_seconds": None
    }  # fmt: skip


async def test_the_hours_are_as_many_as_were_asked_for(door: Door) -> None:
    assert len((await asked(door, hours=1)).json()["data"]) == 12
    for query in ({"hours": 0}, {"hours": 25}, {"hours": "all"}, {"minutes": 5}):
        refused = await asked(door, **query)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"#/{next(iter(query))}")


async def test_another_workspace_sees_nothing_and_a_key_needs_the_scope(door: Door) -> None:
    await tell(door, event_of(critical(door, timedelta(0)), EventType.DELIVERED, now()))
    _, key = await make_workspace(door.workspaces, name="Other")
    shown = (await asked(door, key=key)).json()
    assert {str(each[lane]) for each in shown["data"] for lane in Lane} == {str(NOTHING)}
    assert (await asked(door, f"/v1/workspaces/{door.workspace.id}/activity", key)).status_code == 404
    sender = await door.workspaces.create_api_key(door.workspace.id, "send", ["email.send"])
    refused = await asked(door, key=sender.secret)
    assert (refused.status_code, refused.json()["required_scope"]) == (403, "email.history")
