"""Sendy: `unified_status`, whose order its page on tracking publishes, and our own place for `failed` (seed 004)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts.events import EventType
from shared.contracts.record import rfc3339
from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.sendy_caller import email, posted, reaches
from tests.e2e.compatibility.told_events import event_of_stack, tell
from tests.fixtures.deployment import eventually

RISING = [
    (EventType.OPENED, "first_opened_at", "opened"),
    (EventType.READ, "read_at", "read"),
    (EventType.REPLIED, "first_replied_at", "replied"),
]


async def once(account: Account, id_: str, field: str) -> dict[str, Any]:
    async def there() -> dict[str, Any] | None:
        shown = await email(account, id_)
        return shown if shown[field] else None

    return await eventually(there, seconds=30, what=f"{field} of {id_}")  # type: ignore[return-value]


async def test_the_unified_status_is_the_highest_of_the_published_order(account: Account) -> None:
    rises, falls = [(await posted(account, fresh("ok")))["id"] for _ in range(2)]
    for id_ in (rises, falls):
        shown = await reaches(account, id_, "delivered")
        assert (shown["status"], shown["sent_at"]) == ("sent", shown["delivered_at"])
    event = await event_of_stack(account.stack, rises, EventType.DELIVERED)
    for type_, field, unified in RISING:
        await tell(account.stack, event, type_)
        assert (await once(account, rises, field))["unified_status"] == unified
    event = await event_of_stack(account.stack, falls, EventType.DELIVERED)
    for type_, field, _ in reversed(RISING):
        await tell(account.stack, event, type_)
        assert (await once(account, falls, field))["unified_status"] == "replied"
    await tell(account.stack, event, EventType.BOUNCED, hard=True)
    shown = await reaches(account, falls, "bounced")
    assert (shown["status"], bool(shown["first_replied_at"])) == ("failed", True)


async def test_until_it_is_delivered_the_unified_status_is_queued_sending_or_sent(account: Account) -> None:
    waits = (await posted(account, fresh("tempfail")))["id"]
    id_ = (await posted(account, fresh("ok"), scheduled_at=rfc3339(datetime.now(UTC) + timedelta(hours=1))))["id"]
    await account.reaches(waits, "deferred")
    for queued in (waits, id_):
        shown = await email(account, queued)
        assert (shown["status"], shown["unified_status"], shown["sent_at"]) == ("queued", "queued", None)
    event = await event_of_stack(account.stack, id_, EventType.ACCEPTED)
    await tell(account.stack, event, EventType.SENDING)
    shown = await reaches(account, id_, "sending")
    assert (shown["status"], shown["sent_at"]) == ("sending", None)
    await tell(account.stack, event, EventType.RELAYED)
    shown = await reaches(account, id_, "sent")
    assert (shown["status"], bool(shown["sent_at"]), shown["delivered_at"]) == ("sent", True, None)


async def test_one_that_was_refused_has_bounced(account: Account) -> None:
    shown = await reaches(account, (await posted(account, fresh("permfail")))["id"], "bounced")
    assert (shown["status"], shown["sent_at"], shown["delivered_at"]) == ("failed", None, None)


async def test_one_that_has_ended_failed_shows_failed_though_that_ranks_last(account: Account) -> None:
    (lost,) = await account.send(fresh("drop-after-dot-once"), on_ambiguous="fail")
    await account.make("/v1/suppressions", email=(blocked := fresh("ok")))
    suppressed = (await posted(account, blocked))["id"]
    for id_ in (lost, suppressed):
        shown = await reaches(account, id_, "failed")
        assert (shown["status"], shown["sent_at"], shown["delivered_at"]) == ("failed", None, None)
