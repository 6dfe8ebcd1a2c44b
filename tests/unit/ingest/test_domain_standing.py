"""When a domain is verified, lost and looked at again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domains.standing import (
    judged_by,
    pause_before_next,
    proof_of,
    status_of,
    verification_of,
)
from shared.contracts.entities import Domain

START = datetime(2026, 1, 1, tzinfo=UTC)
GRACE = timedelta(hours=72)
DAY = timedelta(days=1)


def domain(**changes: Any) -> Domain:
    return Domain(
        **{"name": "acme.test", "verified": True, "active": "ph1", "keys": [], "created_at": START, **changes}
    )


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from([True, False, None])), max_size=30))
def test_a_domain_is_lost_after_a_grace_in_which_it_was_never_shown(
    steps: list[tuple[float, bool | None]],
) -> None:
    now, current = START, domain()
    first_missing: datetime | None = None
    for hours, proof in steps:
        now += timedelta(hours=hours)
        before, current = current, judged_by(current, proof, now, GRACE)
        if proof is None:
            assert current == before
        elif proof:
            first_missing = None
            assert (current.verified, current.lost_since) == (True, None)
        else:
            first_missing = first_missing or now
            assert current.lost_since == first_missing
            assert current.verified == (now - first_missing < GRACE)


def test_what_it_takes_to_be_verified() -> None:
    new = domain(verified=False)
    assert judged_by(new, True, START, GRACE).verified
    assert not judged_by(new.with_changes(active=None), True, START, GRACE).verified
    assert judged_by(new, False, START, GRACE) == new
    declared = domain(declared=True)
    assert judged_by(declared, False, START + 10 * DAY, GRACE) == declared


@pytest.mark.parametrize(
    ("owned", "signing", "proof"),
    [(True, True, True), (True, None, None), (None, True, None), (None, None, None), (False, None, False),
     (None, False, False), (True, False, False), (False, True, False)],
)  # fmt: skip
def test_one_missing_record_is_enough_to_tell(owned: bool | None, signing: bool | None, proof: bool | None) -> None:
    assert proof_of(owned, signing) is proof


def test_how_it_is_told() -> None:
    lost = domain(lost_since=START)
    told = [
        (domain(verified=False), START, "pending", "pending"),
        (domain(verified=False), START + GRACE, "pending", "failed"),
        (domain(), START, "active", "completed"),
        (lost, START, "failing", "completed"),
        (lost.with_changes(verified=False), START, "suspended", "failed"),
    ]
    for one, now, status, verification in told:
        assert (status_of(one), verification_of(one, now, GRACE)) == (status, verification)


@given(st.integers(0, 10_000), st.booleans(), st.booleans(), st.booleans())
def test_pauses_grow_and_are_never_longer_than_usual(looks: int, verified: bool, rotate: bool, unsure: bool) -> None:
    one = domain(verified=verified, rotate=rotate)
    pause = pause_before_next(one, looks, DAY, unsure=unsure)
    assert timedelta(minutes=1) <= pause <= DAY
    assert pause <= pause_before_next(one, looks + 1, DAY, unsure=unsure)
    assert pause_before_next(one.with_changes(lost_since=START), looks, DAY, unsure=False) <= DAY


def test_who_waits_is_looked_at_soon_and_who_does_not_daily() -> None:
    assert pause_before_next(domain(), 1, DAY, unsure=False) == DAY
    assert pause_before_next(domain(), 0, DAY, unsure=False) == timedelta(minutes=1)
    assert pause_before_next(domain(verified=False), 0, DAY, unsure=False) == timedelta(minutes=1)
    assert pause_before_next(domain(rotate=True), 3, DAY, unsure=False) == timedelta(minutes=8)
    assert pause_before_next(domain(dkim_ed25519=True), 3, DAY, unsure=False) == timedelta(minutes=8)
    assert pause_before_next(domain(dkim_ed25519=True, active_ed25519="ph2"), 3, DAY, unsure=False) == DAY
    assert pause_before_next(domain(), 1, DAY, unsure=True) == timedelta(minutes=2)
    assert pause_before_next(domain(lost_since=START), 50, DAY, unsure=False) == timedelta(hours=1)
