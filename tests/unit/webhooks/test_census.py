"""What an endpoint's trouble comes to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.webhooks.census import trouble_of
from services.webhooks.failing import Failing
from services.webhooks.store.troubles import Trouble
from tests.unit.webhooks.test_bodies import NOW

SOON, BEFORE = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)
FAILING = Failing(BEFORE, 1, BEFORE)


@pytest.mark.parametrize(
    ("trouble", "state"),
    [
        (Trouble(), None),
        (Trouble(held_until=BEFORE), None),
        (Trouble(held_until=SOON), "paused"),
        (Trouble(FAILING), "failing"),
        (Trouble(FAILING, held_until=BEFORE), "failing"),
        (Trouble(FAILING, held_until=SOON), "paused"),
        (Trouble(lifted_at=BEFORE), None),
    ],
)
def test_an_endpoint_is_in_one_state(trouble: Trouble, state: str | None) -> None:
    assert trouble_of(trouble, NOW) == state
