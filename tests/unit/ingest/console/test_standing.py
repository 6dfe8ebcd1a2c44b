"""What the overview says of a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.ingest.console.standing import critical_lane, day_curve, figures, matters
from services.ingest.projection.activity import SLOT
from services.ingest.store.activity import Slot, Stretch
from services.ingest.store.unattempted import Unattempted
from shared.contracts.topics import Lane

NOW = datetime(2030, 1, 2, 12, 2, tzinfo=UTC)
NOBODY = Unattempted(0, more=False)


def a_day(webhooks: dict[str, int] | None = None, waits: dict[str, int] | None = None, **counts: int) -> Stretch:
    """A day whose last slot alone has something in it, in the critical lane."""
    last = NOW - timedelta(minutes=2)
    slots = [Slot(last - number * SLOT) for number in range(288, 0, -1)]
    lanes: dict[Lane, Any] = {Lane.CRITICAL: counts, Lane.STANDARD: {}}
    waited: dict[Lane, Any] = {Lane.CRITICAL: waits or {}, Lane.STANDARD: {}}
    return Stretch([*slots, Slot(last, lanes, waited, webhooks or {})], NOW)


def titles(day: Stretch, waiting: Unattempted = NOBODY, stuck: int = 0) -> list[str]:
    return [matter.title for matter in matters(day, waiting, stuck)]


def test_where_nothing_is_wrong_that_is_said() -> None:
    assert titles(a_day()) == ["Nothing needs attention"]
    assert titles(a_day(delivered=1000, bounced=10, complained=1)) == ["Nothing needs attention"]


@pytest.mark.parametrize(
    ("day", "title"),
    [
        (a_day(delivered=900, bounced=100), "Many messages bounce"),
        (a_day(delivered=1000, complained=2), "Recipients complain"),
        (a_day({"ok": 80, "failed": 20}), "Webhooks are not taken"),
        (a_day(waits={"1000": 90, "10000": 10}), "The critical lane was late"),
    ],
    ids=["bounces", "complaints", "webhooks", "late"],
)
def test_each_trouble_is_named_with_where_to_look(day: Stretch, title: str) -> None:
    (matter,) = matters(day, NOBODY, 0)
    assert matter.title == title
    assert matter.path.startswith("/console/")


def test_a_rate_of_little_mail_says_nothing() -> None:
    assert titles(a_day({"ok": 1, "failed": 3}, delivered=10, bounced=10, complained=3)) == ["Nothing needs attention"]


def test_the_worst_comes_first() -> None:
    day = a_day(waits={"1000": 1, "10000": 1}, delivered=900, bounced=100)
    assert titles(day, Unattempted(3, more=False), stuck=1)[:2] == [
        "Sign-in and security mail waits",
        "Messages are stuck",
    ]


def test_the_critical_lane_in_words() -> None:
    assert critical_lane(a_day().latency(), NOBODY).title == "Quiet"
    assert critical_lane(a_day(waits={"500": 200}).latency(), NOBODY).title == "Draining normally"
    assert critical_lane(a_day(waits={"500": 9, "30000": 1}).latency(), NOBODY).title == "Late"
    assert critical_lane(a_day(waits={"500": 9}).latency(), Unattempted(4, more=False)).words.startswith("4 wait")


def test_the_figures_and_the_curve_have_both_lanes() -> None:
    day = a_day({"ok": 4, "failed": 1}, accepted=10, delivered=5, relayed=3)
    told = {figure.name: figure.day for figure in figures(day)}
    assert (told["accepted"], told["delivered"], told["webhook callbacks"]) == (10, 8, 5)
    curve = day_curve(day)
    assert [line.latest for line in curve.lines] == ["10", "8", "0"]


def test_the_curve_counts_whole_quarters_of_an_hour_and_the_one_under_way() -> None:
    slots = [
        Slot(NOW - timedelta(minutes=2) - number * SLOT, {lane: {"accepted": 1} for lane in Lane})
        for number in range(288, -1, -1)
    ]
    rows = day_curve(Stretch(slots, NOW)).rows
    assert [moment.minute % 15 for moment, _ in rows] == [0] * len(rows)
    assert [values[0] for _, values in rows] == ["6"] * 96 + ["2"]
    later = Stretch(slots[1:], NOW)
    assert day_curve(later).rows == rows[1:], "a quarter of which the beginning is missing is left out"
