"""Deaths are planned over all stages alike, and what each left behind is counted where it belongs."""

from __future__ import annotations

from collections import Counter
from random import Random

from tests.faults.deaths import STAGES, Death, moments, tally

MARKED = {"_id": "m1", "pass": 1, "data_sent": 1}
MARKED_BEFORE = {"_id": "m2", "pass": 1, "data_sent": 0}
UNMARKED = {"_id": "m3", "pass": 0}


def test_moments_are_the_same_for_a_seed_and_come_to_every_stage_as_often() -> None:
    planned = moments(50, Random("1"))
    assert planned == moments(50, Random("1")) != moments(50, Random("2"))
    assert len(planned) == 50
    often = Counter(point for point, _ in planned)
    assert often.keys() == STAGES.keys()
    assert max(often.values()) - min(often.values()) == 1
    assert all(1 <= nth <= STAGES[point] for point, nth in planned)


def test_cut_is_what_carries_the_mark_of_its_own_pass() -> None:
    death = Death.of("sender.dotted", 7, [MARKED, MARKED_BEFORE, UNMARKED])
    assert death == Death("sender.dotted", 7, frozenset({"m1", "m2", "m3"}), frozenset({("m1", 1)}))


def test_a_copy_more_belongs_to_the_first_death_that_allows_it() -> None:
    first = Death("sender.dotted", 5, frozenset({"m1", "m2"}), frozenset({("m1", 0)}))
    second = Death("sender.replied", 6, frozenset({"m1", "m3"}), frozenset({("m1", 1), ("m3", 0)}))
    counted = ("kills", "running", "held", "cut", "second copies", "lost")
    found = tally([first, second], {"m1": 2, "m2": 1, "m3": 2}, {"m2"})
    assert found["sender.dotted"] == dict(zip(counted, (1, 5, 2, 1, 1, 1), strict=True))
    assert found["sender.replied"] == dict(zip(counted, (1, 6, 2, 2, 1, 0), strict=True))
    assert not any(found["sender.begun"].values())
