"""Reputations: thresholds, the least that says anything, and no flapping at an edge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.health.reputation import RANKS, Thresholds, judge
from services.router.health.standing import Reputation

GOOD, WARNED, POOR = RANKS
USUAL = Thresholds()


@pytest.mark.parametrize(
    ("before", "complained", "accepted", "after"),
    [
        (GOOD, 10, 10_000, GOOD),  # 0.1 % itself is not above it
        (GOOD, 11, 10_000, WARNED),
        (GOOD, 30, 10_000, WARNED),
        (GOOD, 31, 10_000, POOR),
        (GOOD, 2, 100, GOOD),  # two complaints say nothing
        (GOOD, 3, 99, GOOD),  # nor does so little mail
        (GOOD, 3, 100, POOR),
        (WARNED, 31, 10_000, POOR),
        (WARNED, 9, 10_000, WARNED),  # better, but not by a fifth
        (WARNED, 8, 10_000, GOOD),
        (POOR, 25, 10_000, POOR),
        (POOR, 24, 10_000, WARNED),
        (POOR, 8, 10_000, GOOD),
        (POOR, 0, 0, GOOD),  # nothing is known any more
    ],
)
def test_thresholds(before: Reputation, complained: int, accepted: int, after: Reputation) -> None:
    assert judge(before, complained, accepted, USUAL) is after


counts = st.integers(0, 500), st.integers(0, 100_000)


@given(st.sampled_from(RANKS), *counts)
def test_the_same_numbers_change_it_once_at_most(before: Reputation, complained: int, accepted: int) -> None:
    after = judge(before, complained, accepted, USUAL)
    assert judge(after, complained, accepted, USUAL) is after


@given(st.sampled_from(RANKS), *counts, st.integers(0, 100))
def test_more_complaints_never_make_it_better(before: Reputation, complained: int, accepted: int, more: int) -> None:
    less = judge(before, complained, accepted, USUAL)
    assert RANKS.index(judge(before, complained + more, accepted, USUAL)) >= RANKS.index(less)


@given(st.lists(st.sampled_from([0.0011, 0.0009]), max_size=30))
def test_a_share_that_goes_to_and_fro_at_an_edge_changes_it_once(shares: list[float]) -> None:
    state, changes = GOOD, 0
    for share in shares:
        before, state = state, judge(state, round(share * 100_000), 100_000, USUAL)
        changes += state is not before
    assert changes <= 1
