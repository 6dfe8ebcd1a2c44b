"""The life of DKIM keys under any sequence of looks at the DNS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domains.names import next_selector
from services.ingest.domains.rotation import (
    ED25519_LINE,
    MOST_LIVING,
    RSA_LINE,
    Line,
    begun_where_due,
    has_room,
    is_rotating,
    lacking,
    lines_of,
    rotation_begun,
    turned,
    with_ed25519,
)
from shared.contracts.entities import DkimKeyPair, Domain, KeyState
from shared.dkim_keys import ED25519, RSA

START = datetime(2026, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
ORDER = list(KeyState)
SHOWN = st.sampled_from([True, True, False, None])


def key(
    selector: str, state: KeyState = KeyState.PENDING, since: datetime = START, algorithm: str = RSA
) -> DkimKeyPair:
    return DkimKeyPair(
        selector=selector,
        algorithm=algorithm,
        public_key=f"public-{selector}",
        private_key="sealed",
        state=state,
        since=since,
    )


def domain(*keys: DkimKeyPair, **changes: Any) -> Domain:
    return Domain(**{"name": "acme.test", "verified": False, "keys": list(keys), **changes})


def states(of: Domain) -> dict[str, KeyState]:
    return {one.selector: one.state for one in of.keys}


def with_keys(of: Domain, now: datetime) -> Domain:
    """As the acts do it: a key of each line that lacks one and has room."""
    for line in lacking(of):
        if has_room(of, line):
            made = key(next_selector([one.selector for one in of.keys]), since=now, algorithm=line.algorithm)
            of = of.with_changes(keys=[*of.keys, made])
    return of


SHOWN_TO = st.lists(SHOWN, min_size=12, max_size=12)
STEPS = st.lists(st.tuples(st.sampled_from(["look", "rotate", "on", "off"]), st.floats(0, 12), SHOWN_TO), max_size=40)


@given(st.integers(1, 3), STEPS)
def test_under_any_looks_one_shown_key_of_each_line_signs_and_states_only_move_on(
    first: int, steps: list[tuple[str, float, list[bool | None]]]
) -> None:
    now = START
    current = domain(*(key(f"ph{number + 1}") for number in range(first)))
    ever_shown: set[str] = set()
    for act, days, shown_to in steps:
        now += timedelta(days=days)
        start = current
        if act == "rotate":
            current = rotation_begun(current)
        elif act != "look":
            current = with_ed25519(current, act == "on", now)
        before = with_keys(current, now)
        selectors = [one.selector for one in before.keys]
        assert len(set(selectors)) == len(selectors)
        shown = {selector: shown_to[number % len(shown_to)] for number, selector in enumerate(selectors)}
        ever_shown |= {selector for selector, is_shown in shown.items() if is_shown}
        current = turned(before, shown, now, WEEK)

        assert all(one.state is not KeyState.ACTIVE or one.selector in ever_shown for one in current.keys)
        for line in (RSA_LINE, ED25519_LINE):
            check_line(line, before, current, shown)
        assert current.active or not current.active_ed25519  # never alone
        assert not (before.active and not current.active)
        check_moves({one.selector: one for one in [*before.keys, *start.keys]}, current, now)


def check_line(line: Line, before: Domain, after: Domain, shown: dict[str, bool | None]) -> None:
    signing = [one.selector for one in line.keys(after) if one.state is KeyState.ACTIVE]
    selector = line.signing(after)
    assert signing == ([selector] if selector else [])
    assert line in lines_of(after) or not signing
    if selector is not None and selector != line.signing(before):
        assert shown[selector] is True
        assert not line.rotates(after)
    assert sum(one.state is not KeyState.REVOKED for one in line.keys(after)) <= MOST_LIVING


def check_moves(was: dict[str, DkimKeyPair], after: Domain, now: datetime) -> None:
    """`was` is each key before the act and the look."""
    for one in after.keys:
        old = was[one.selector]
        assert ORDER.index(one.state) >= ORDER.index(old.state)
        if one.state is not old.state:
            assert one.since == now
        if old.state is KeyState.RETIRING and one.state is KeyState.REVOKED:
            assert now - (old.since or now) >= WEEK
        assert (one.private_key == "") == (one.state is KeyState.REVOKED)


def test_a_rotation_from_its_beginning_to_the_old_keys_end() -> None:
    signing = domain(key("ph1", KeyState.ACTIVE), active="ph1", verified=True, rotate=True)
    waiting = with_keys(signing, START)
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
    assert not lacking(rotating)
    # published once, but not shown now
    assert turned(rotating, {"one": True, "two": False}, START, WEEK) == rotating
    assert turned(rotating, {"one": True, "two": True}, START, WEEK).active == "two"


def test_a_key_is_due_at_its_age_once_its_domain_is_verified() -> None:
    age = timedelta(days=180)
    signing = domain(key("ph1", KeyState.ACTIVE), active="ph1", verified=True)
    assert not is_rotating(begun_where_due(signing, START + age - timedelta(seconds=1), age))
    assert is_rotating(begun_where_due(signing, START + age, age))
    assert not is_rotating(begun_where_due(signing.with_changes(verified=False), START + age, age))


def test_each_line_comes_to_its_age_by_itself() -> None:
    age = timedelta(days=180)
    younger = key("ph2", KeyState.ACTIVE, START + WEEK, ED25519)
    signing = domain(
        key("ph1", KeyState.ACTIVE), younger, active="ph1", active_ed25519="ph2", dkim_ed25519=True, verified=True
    )
    first = begun_where_due(signing, START + age, age)
    assert (first.rotate, first.rotate_ed25519) == (True, False)
    assert [line.algorithm for line in lacking(first)] == [RSA]
    both = begun_where_due(first, START + age + WEEK, age)
    assert (both.rotate, both.rotate_ed25519) == (True, True)


def test_a_second_line_begins_and_ends_beside_the_first() -> None:
    signing = domain(key("ph1", KeyState.ACTIVE), active="ph1", verified=True)
    begun = with_keys(with_ed25519(signing, True, START), START)
    assert [(one.selector, one.algorithm) for one in begun.keys] == [("ph1", RSA), ("ph2", ED25519)]
    assert turned(begun, {"ph1": True, "ph2": None}, START, WEEK) == begun
    both = turned(begun, {"ph1": True, "ph2": True}, START, WEEK)
    assert (both.active, both.active_ed25519) == ("ph1", "ph2")
    rotated = turned(with_keys(rotation_begun(both), START), {f"ph{n}": True for n in range(1, 5)}, START, WEEK)
    assert (rotated.active, rotated.active_ed25519, is_rotating(rotated)) == ("ph3", "ph4", False)
    ended = with_ed25519(rotated, False, START)
    assert states(ended) == {"ph1": "retiring", "ph2": "retiring", "ph3": "active", "ph4": "retiring"}
    assert (ended.active, ended.active_ed25519) == ("ph3", None)
    assert not lacking(ended)


def test_no_ed25519_key_signs_alone() -> None:
    new = domain(key("ph1"), key("ph2", algorithm=ED25519), dkim_ed25519=True)
    waiting = turned(new, {"ph1": False, "ph2": True}, START, WEEK)
    assert (states(waiting), waiting.active_ed25519) == ({"ph1": "pending", "ph2": "published"}, None)
    both = turned(waiting, {"ph1": True, "ph2": True}, START, WEEK)
    assert (both.active, both.active_ed25519) == ("ph1", "ph2")


def test_selectors_are_never_used_twice_however_many_keys_there_were() -> None:
    current = domain(key("ph1", KeyState.ACTIVE), active="ph1")
    seen = ["ph1"]
    for week in range(1, 60):
        now = START + week * WEEK
        current = with_keys(current.with_changes(rotate=True), now)
        seen.append(current.keys[-1].selector)
        current = turned(current, {current.keys[-1].selector: True}, now, WEEK)
    assert len(set(seen)) == 60
    assert len(current.keys) <= 2 + 20
    assert all(len(selector) <= 10 for selector in seen)


def test_keys_that_are_still_to_be_published_are_bounded() -> None:
    current = domain(key("ph1", KeyState.ACTIVE), active="ph1")
    for _ in range(20):
        current = with_keys(current.with_changes(rotate=True), START)
        current = turned(current, {current.keys[-1].selector: True}, START, WEEK)
    assert len(current.keys) == MOST_LIVING == 8
    assert not has_room(current, RSA_LINE)
    assert has_room(current, ED25519_LINE)
    assert has_room(turned(current, {}, START + WEEK, WEEK), RSA_LINE)
