"""The life of DKIM keys under any sequence of looks at the DNS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domains.names import next_selector
from services.ingest.domains.rotation import MOST_LIVING, has_room, is_due, lacks_key, turned
from shared.contracts.entities import DkimKeyPair, Domain, KeyState

START = datetime(2026, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
ORDER = list(KeyState)
SHOWN = st.sampled_from([True, True, False, None])


def key(selector: str, state: KeyState = KeyState.PENDING, since: datetime = START) -> DkimKeyPair:
    return DkimKeyPair(
        selector=selector, public_key=f"public-{selector}", private_key="sealed", state=state, since=since
    )


def domain(*keys: DkimKeyPair, **changes: Any) -> Domain:
    return Domain(**{"name": "acme.test", "verified": False, "keys": list(keys), **changes})


def states(of: Domain) -> dict[str, KeyState]:
    return {one.selector: one.state for one in of.keys}


def with_key(of: Domain, now: datetime) -> Domain:
    """As the acts do it: a key where one is lacking and there is room."""
    if not lacks_key(of) or not has_room(of):
        return of
    made = key(next_selector([one.selector for one in of.keys]), since=now)
    return of.with_changes(keys=[*of.keys, made])


Step = tuple[bool, float, list[bool | None]]


@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.booleans(), st.floats(0, 12), st.lists(SHOWN, min_size=12, max_size=12)), max_size=40),
)
def test_under_any_looks_exactly_one_shown_key_signs_and_states_only_move_on(first: int, steps: list[Step]) -> None:
    now = START
    current = domain(*(key(f"ph{number + 1}") for number in range(first)))
    ever_shown: set[str] = set()
    for rotate, days, shown_to in steps:
        now += timedelta(days=days)
        if rotate and current.active is not None:
            current = current.with_changes(rotate=True)
        before = with_key(current, now)
        selectors = [one.selector for one in before.keys]
        assert len(set(selectors)) == len(selectors)
        shown = {selector: shown_to[number % len(shown_to)] for number, selector in enumerate(selectors)}
        ever_shown |= {selector for selector, is_shown in shown.items() if is_shown}
        current = turned(before, shown, now, WEEK)

        signing = [one for one in current.keys if one.state is KeyState.ACTIVE]
        assert [one.selector for one in signing] == ([current.active] if current.active else [])
        assert not (before.active and not current.active)
        assert all(one.selector in ever_shown for one in signing)
        if current.active != before.active:
            assert shown[current.active or ""] is True
            assert not current.rotate
        was = {one.selector: one for one in before.keys}
        for one in current.keys:
            old = was[one.selector]
            assert ORDER.index(one.state) >= ORDER.index(old.state)
            if one.state is not old.state:
                assert one.since == now
            if old.state is KeyState.RETIRING and one.state is KeyState.REVOKED:
                assert now - (old.since or now) >= WEEK
            assert (one.private_key == "") == (one.state is KeyState.REVOKED)
        assert sum(one.state is not KeyState.REVOKED for one in current.keys) <= MOST_LIVING


def test_a_rotation_from_its_beginning_to_the_old_keys_end() -> None:
    signing = domain(key("ph1", KeyState.ACTIVE), active="ph1", verified=True, rotate=True)
    waiting = with_key(signing, START)
    assert states(waiting) == {"ph1": "active", "ph2": "pending"}
    assert turned(waiting, {"ph1": True, "ph2": None}, START, WEEK) == waiting  # not known is not shown
    assert turned(waiting, {"ph1": True, "ph2": False}, START, WEEK) == waiting
    rotated = turned(waiting, {"ph1": True, "ph2": True}, START, WEEK)
    assert (states(rotated), rotated.active) == ({"ph1": "retiring", "ph2": "active"}, "ph2")
    nearly = turned(rotated, {}, START + WEEK - timedelta(seconds=1), WEEK)
    assert states(nearly)["ph1"] == "retiring"
    over = turned(rotated, {}, START + WEEK, WEEK)
    assert states(over) == {"ph1": "revoked", "ph2": "active"}
    assert (over.keys[0].private_key, over.keys[0].public_key) == ("", "")


def test_a_key_that_stands_by_waits_for_the_rotation() -> None:
    both = turned(domain(key("one"), key("two")), {"one": True, "two": True}, START, WEEK)
    assert (states(both), both.active) == ({"one": "active", "two": "published"}, "one")
    assert turned(both, {"one": False, "two": True}, START, WEEK) == both
    rotating = both.with_changes(rotate=True)
    assert not lacks_key(rotating)
    # published once, but not shown now
    assert turned(rotating, {"one": True, "two": False}, START, WEEK) == rotating
    assert turned(rotating, {"one": True, "two": True}, START, WEEK).active == "two"


def test_a_key_is_due_at_its_age_once_its_domain_is_verified() -> None:
    age = timedelta(days=180)
    signing = domain(key("ph1", KeyState.ACTIVE), active="ph1", verified=True)
    assert not is_due(signing, START + age - timedelta(seconds=1), age)
    assert is_due(signing, START + age, age)
    assert not is_due(signing.with_changes(rotate=True), START + age, age)
    assert not is_due(signing.with_changes(verified=False), START + age, age)


def test_selectors_are_never_used_twice_however_many_keys_there_were() -> None:
    current = domain(key("ph1", KeyState.ACTIVE), active="ph1")
    seen = ["ph1"]
    for week in range(1, 60):
        now = START + week * WEEK
        current = with_key(current.with_changes(rotate=True), now)
        seen.append(current.keys[-1].selector)
        current = turned(current, {current.keys[-1].selector: True}, now, WEEK)
    assert len(set(seen)) == 60
    assert len(current.keys) <= 2 + 20
    assert all(len(selector) <= 10 for selector in seen)


def test_keys_that_are_still_to_be_published_are_bounded() -> None:
    current = domain(key("ph1", KeyState.ACTIVE), active="ph1")
    for _ in range(20):
        current = with_key(current.with_changes(rotate=True), START)
        current = turned(current, {current.keys[-1].selector: True}, START, WEEK)
    assert len(current.keys) == MOST_LIVING == 8
    assert not has_room(current)
    assert has_room(turned(current, {}, START + WEEK, WEEK))
