"""Hosts that were away a moment ago are tried last, for a minute and in bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.smtp import recent
from services.sender.smtp.away import AWAY_SECONDS, Place, last
from services.sender.smtp.recent import Recent
from services.sender.smtp.targets import before_ours
from shared.contracts.messages import Host


def place(host: str) -> Place:
    return Place(host, 25, None)


def test_a_place_is_away_for_a_minute_or_until_it_is_back() -> None:
    now = [0.0]
    memory: Recent[Place] = Recent(AWAY_SECONDS, lambda: now[0])
    memory.note(place("a"))
    memory.note(place("b"))
    memory.forget(place("b"))
    assert [place(host) in memory for host in "abc"] == [True, False, False]
    assert Place("a", 25, "192.0.2.1") not in memory, "another source may reach it"
    now[0] = AWAY_SECONDS
    assert place("a") not in memory


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.sets(st.sampled_from("abcdef")))
def test_nothing_is_lost_and_the_order_stays(hosts: list[str], gone: set[str]) -> None:
    memory: Recent[Place] = Recent(AWAY_SECONDS)
    for host in gone:
        memory.note(place(host))
    assert last(memory, hosts, place) == [h for h in hosts if h not in gone] + [h for h in hosts if h in gone]


def test_the_oldest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "LARGEST", 2)
    memory: Recent[Place] = Recent(AWAY_SECONDS)
    for host in "abac":
        memory.note(place(host))
    assert [place(host) in memory for host in "abc"] == [True, False, True]


@pytest.mark.parametrize(
    ("preferences", "ours", "left"),
    [
        ([10, 10, 20], [], [0, 1, 2]),
        ([10, 20, 20, 30], [2], [0]),
        ([10, 20, 20, 30], [1, 3], [0]),
        ([10, 10], [1], []),
        ([None, None, None], [1], [0]),
    ],
)
def test_what_is_not_preferred_to_this_system_is_left_out(
    preferences: list[int | None], ours: list[int], left: list[int]
) -> None:
    hosts = [Host(name=f"mx{number}.test", preference=each) for number, each in enumerate(preferences)]
    assert before_ours(hosts, [hosts[number] for number in ours]) == [hosts[number] for number in left]
