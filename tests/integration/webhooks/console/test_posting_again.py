"""Replays, back-fills and rotations."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.fixtures.console import notice, words
from tests.fixtures.deployment import eventually
from tests.fixtures.http_receiver import Answer
from tests.integration.webhooks.console.conftest import PAGE, Desk
from tests.integration.webhooks.world import an_event

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


def field(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M}"


HOUR_AGO = field(datetime.now(UTC) - timedelta(hours=1))


async def test_what_failed_of_the_last_day_is_posted_again(desk: Desk) -> None:
    id_ = await desk.endpoint("/failed", 500)
    await desk.tested(id_)
    assert "1 given up or canceled" in words(await desk.visitor.get(f"{PAGE}/{id_}"))
    desk.receiver.script("/failed", Answer())
    reply = await desk.visitor.send(f"{PAGE}/{id_}/retry-failed")
    assert (reply.status_code, reply.headers["location"]) == (303, f"{PAGE}/{id_}/tasks")

    async def posted() -> bool:
        return [each["state"] for each in await desk.world.listed(f"{id_}/deliveries")] == ["succeeded"]

    await eventually(posted)
    assert "0 given up or canceled" in words(await desk.visitor.get(f"{PAGE}/{id_}"))


async def test_a_replay_of_a_time_range_shows_its_progress(desk: Desk) -> None:
    id_ = await desk.endpoint("/replayed")
    delivery = await desk.tested(id_)
    reply = await desk.visitor.send(f"{PAGE}/{id_}/replay", since=HOUR_AGO, until="", states="all")
    assert (reply.status_code, notice(reply, desk.visitor)) == (303, "The replay has begun; its progress is below.")

    async def done() -> bool:
        return "done Replay of all that ended" in words(await desk.visitor.get(f"{PAGE}/{id_}/tasks"))

    await eventually(done)
    assert "1 posted" in words(await desk.visitor.get(f"{PAGE}/{id_}/tasks"))
    assert (await desk.world.ask("GET", f"{id_}/deliveries/{delivery}", 200))["id"] == delivery


async def test_a_back_fill_posts_what_occurred_before(desk: Desk) -> None:
    event = an_event(desk.world.workspace_id)
    await desk.world.publish(event)
    id_ = await desk.endpoint("/backfilled", events=["email.opened"])
    fields = {"since": HOUR_AGO, "events": ["email.delivered"]}
    assert (await desk.visitor.send(f"{PAGE}/{id_}/backfill", **fields)).status_code == 303
    assert await desk.world.ended({"id": id_}, event) == ["succeeded"]

    async def done() -> bool:
        return "done Back-fill email.delivered" in words(await desk.visitor.get(f"{PAGE}/{id_}/tasks"))

    await eventually(done)


@pytest.mark.parametrize(
    ("task", "fields", "told"),
    [
        ("replay", {"since": "", "states": "failed"}, "since"),
        ("replay", {"since": "2026-01-02T00:00", "until": "2026-01-01T00:00", "states": "failed"}, "later than"),
        ("replay", {"since": "2099-01-01T00:00", "states": "failed"}, "must lie in the past"),
        ("replay", {"since": "2026-01-01T00:00", "states": "some"}, "Input should be"),
        ("backfill", {"since": "soon"}, "since-about"),
        ("backfill", {"since": "2099-01-01T00:00"}, "must lie in the past"),
    ],
)
async def test_a_bad_range_is_told_and_nothing_begins(desk: Desk, task: str, fields: dict[str, str], told: str) -> None:
    id_ = await desk.endpoint("/bad-range")
    reply = await desk.visitor.send(f"{PAGE}/{id_}/{task}", **fields)
    assert reply.status_code == 422
    assert told in reply.text
    assert f'value="{fields["since"]}"' in reply.text
    assert await desk.world.listed(f"{id_}/{task}s") == []


async def test_a_running_task_is_canceled_and_a_second_one_refused(desk: Desk) -> None:
    id_ = await desk.endpoint("/canceled", events=["email.opened"])
    document = {
        "_id": "t1", "kind": "replay", "workspace_id": desk.world.workspace_id, "endpoint_id": id_, "open": True,
        "created_at": datetime.now(UTC), "since": datetime.now(UTC) - timedelta(hours=2), "until": datetime.now(UTC),
        "events": [], "states": "failed", "queued": 3, "read": 0,
        "position": [datetime.now(UTC) - timedelta(hours=1), "x"], "due_at": datetime.now(UTC) + timedelta(hours=1),
    }  # fmt: skip
    await desk.world.deployment.database("webhooks")["tasks"].insert_one(document)
    page = await desk.visitor.get(f"{PAGE}/{id_}/tasks")
    part = re.search(r'<progress max="1" value="([0-9.]+)"', page.text)
    assert part is not None
    assert 0.45 < float(part[1]) < 0.55
    second = await desk.visitor.send(f"{PAGE}/{id_}/replay", since=HOUR_AGO, states="failed")
    assert (second.status_code, "is running" in words(second)) == (409, True)
    assert (await desk.visitor.send(f"{PAGE}/{id_}/replays/t1/cancel")).status_code == 303
    assert (await desk.world.ask("GET", f"{id_}/replays/t1", 200))["state"] == "canceled"
    again = await desk.visitor.send(f"{PAGE}/{id_}/replays/t1/cancel")
    assert (again.status_code, "has ended already" in words(again)) == (409, True)


async def test_a_rotation_shows_the_new_secret_and_when_the_old_one_ends(desk: Desk) -> None:
    id_ = await desk.endpoint("/rotated")
    reply = await desk.visitor.send(f"{PAGE}/{id_}/rotate", overlap_hours="2", secret="")
    assert reply.status_code == 200
    assert SECRET.search(reply.text)
    view = await desk.view(id_)
    ends = datetime.fromisoformat(view["previous_secret_until"])
    assert timedelta(hours=1.9) < ends - datetime.now(UTC) < timedelta(hours=2.1)
    assert "Each post has the signatures of both until" in words(reply)
    signing = await desk.visitor.get(f"{PAGE}/{id_}/signing")
    assert "signs too until" in words(signing)
    assert not SECRET.search(signing.text)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"overlap_hours": "73"}, "less than or equal to 72"),
        ({"overlap_hours": "nan"}, "finite"),
        ({"overlap_hours": "soon"}, "valid number"),
        ({"secret": "mine"}, "must begin with whsec_"),
    ],
)
async def test_a_bad_rotation_is_told_and_nothing_changes(desk: Desk, fields: dict[str, str], told: str) -> None:
    id_ = await desk.endpoint("/not-rotated")
    reply = await desk.visitor.send(f"{PAGE}/{id_}/rotate", **fields)
    assert reply.status_code == 422
    assert told in words(reply)
    assert (await desk.view(id_))["previous_secret_until"] is None


async def test_a_style_with_one_signature_says_that_the_old_one_has_ended(desk: Desk) -> None:
    id_ = await desk.endpoint("/leadpush", signature="leadpush")
    assert "takes over at once" in words(await desk.visitor.get(f"{PAGE}/{id_}/signing"))
    assert "The old one has ended" in words(await desk.visitor.send(f"{PAGE}/{id_}/rotate"))
