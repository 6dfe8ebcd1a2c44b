"""One word for a whole life, by its published order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.ingest.projection.fold import apply
from services.ingest.projection.views import message_view, unified_status
from shared.contracts.events import EventType, event_of
from tests.unit.ingest.lives import BEGAN, make_message, outcome

ALL = {"replied_at": BEGAN, "read_at": BEGAN, "opened_at": BEGAN}


@pytest.mark.parametrize(
    ("status", "times", "unified"),
    [
        ("bounced", ALL, "bounced"),
        ("delivered", ALL, "replied"),
        ("delivered", {"read_at": BEGAN, "opened_at": BEGAN}, "read"),
        ("sent", {"opened_at": BEGAN}, "opened"),
        ("delivered", {}, "delivered"),
        ("sent", {}, "sent"),
        ("sending", {}, "sending"),
        *((status, {}, "queued") for status in ("pending", "scheduled", "queued", "deferred", "stuck")),
        ("failed", ALL, "failed"),
        ("canceled", {}, "failed"),
        ("suppressed", {}, "failed"),
    ],
)
def test_unified_status(status: str, times: dict[str, object], unified: str) -> None:
    assert unified_status(status, times) == unified


def test_a_message_shows_its_last_reply_its_route_and_its_times() -> None:
    message = make_message().with_changes(attempt=1)
    view = message_view(apply(None, [event_of(message, EventType.DELIVERED, BEGAN, outcome(message, BEGAN))]))
    assert view["recipient"] == "Known@example.test"
    assert view["delivered_at"] == view["sent_at"] == "2026-05-01T12:00:00.000Z"
    assert view["bounced_at"] is None
    assert (view["attempts"], view["last_reply"]["code"], view["route"]["name"]) == (1, 250, "direct")
    assert view["links"]["trace"] == f"/v1/emails/{message.message_id}/trace"


def test_a_machines_open_counts_until_a_readers_is_known() -> None:
    message = make_message()
    delivered = event_of(message, EventType.DELIVERED, BEGAN)
    machines = event_of(message, EventType.OPENED, BEGAN + timedelta(seconds=1), {"machine": True}, occurrence="m")
    readers = event_of(message, EventType.OPENED, BEGAN + timedelta(hours=1))
    fetched = message_view(apply(None, [delivered, machines]))
    assert fetched["opened_at"] == fetched["machine_opened_at"] == "2026-05-01T12:00:01.000Z"
    assert fetched["unified_status"] == "opened"
    seen = message_view(apply(None, [delivered, machines, readers]))
    assert (seen["machine_opened_at"], seen["opened_at"]) == ("2026-05-01T12:00:01.000Z", "2026-05-01T13:00:00.000Z")
    assert seen["clicked_at"] is seen["machine_clicked_at"] is None
