"""What the sweeper decides, and whose turn it is at the relay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.ingest.projection.fold import ENDED
from services.ingest.rules import sweep_of, wait_before

NOW = datetime(2026, 5, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
WAIT = timedelta(minutes=15)


def head(status: str, **more: Any) -> dict[str, Any]:
    return {"status": status, **more}


@pytest.mark.parametrize("status", sorted(ENDED))
def test_a_submission_whose_messages_have_ended_is_done(status: str) -> None:
    sweep = sweep_of(["a"], {"a": head(status)}, LATER, NOW, WAIT)
    assert (sweep.again, sweep.expired, sweep.next_at) == ((), (), None)


@pytest.mark.parametrize(
    ("known", "again"),
    [
        ({}, True),
        (head("pending"), True),
        (head("queued"), True),
        (head("sending"), True),
        (head("deferred"), True),
        (head("deferred", next_at=NOW - timedelta(seconds=1)), True),
        (head("deferred", next_at=NOW + timedelta(seconds=1)), False),
        (head("stuck"), False),
    ],
)
def test_what_lives_is_published_again_unless_somebody_will_come_back_to_it(known: Any, again: bool) -> None:
    sweep = sweep_of(["a", "b"], {"a": known, "b": head("delivered")}, LATER, NOW, WAIT)
    assert sweep.again == (("a",) if again else ())
    assert sweep.next_at is not None


def test_a_stuck_message_is_looked_at_when_it_expires() -> None:
    soon = NOW + timedelta(minutes=1)
    assert sweep_of(["a"], {"a": head("stuck")}, soon, NOW, WAIT).next_at == soon
    assert sweep_of(["a"], {"a": head("stuck")}, LATER, NOW, WAIT).next_at == NOW + WAIT
    over = sweep_of(["a"], {"a": head("stuck")}, NOW, NOW, WAIT)
    assert over.expired == ("a",)
    assert over.next_at == NOW + WAIT


def test_waits_double_and_have_an_end() -> None:
    seconds = [wait_before(sweeps, 900, 21_600).total_seconds() for sweeps in (0, 1, 2, 3, 4, 5, 500)]
    assert seconds == [900, 1800, 3600, 7200, 14_400, 21_600, 21_600]
