"""Charts: where their lines run, and what they say to who does not see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.console.charts import HEIGHT, WIDTH, Line, Point, chart, per_cent, round_up

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def line(*values: float | None, name: str = "Accepted") -> Line:
    return Line(name, [Point(NOON + timedelta(minutes=place), value) for place, value in enumerate(values)])


def test_a_line_runs_from_side_to_side_and_from_nothing_to_the_top() -> None:
    drawn = chart("Mail", [line(0, 10, 5)])
    assert drawn.lines[0].curve == f"M0.0 {HEIGHT:.1f} L{WIDTH / 2:.1f} 0.0 L{WIDTH:.1f} {HEIGHT / 2:.1f}"
    assert drawn.lines[0].area.startswith(f"M0.0 {HEIGHT} L")
    assert (drawn.top, drawn.bottom, drawn.begins, drawn.ends) == ("10", "0", NOON, NOON + timedelta(minutes=2))


def test_a_gap_is_drawn_by_nothing_and_a_lone_point_by_a_dot() -> None:
    drawn = chart("Mail", [line(1, 1, None, 1, None)]).lines[0]
    assert drawn.curve.count("M") == 1
    assert drawn.dots == "M450.0 0.0h.01"


def test_what_is_drawn_is_said_in_words_and_in_numbers() -> None:
    drawn = chart(
        "Refused",
        [line(0.01, None, 0.2, name="Bounced"), line(None, None, None, name="Blocked")],
        per_cent,
        least_top=0.1,
    )
    assert drawn.told == "Refused. Bounced: lowest 1 %, highest 20 %, last 20 %. Blocked: nothing yet."


def test_the_numbers_stand_beside_their_moments() -> None:
    drawn = chart("Mail", [line(1, None, name="Sent"), line(2, 3, name="Refused")])
    assert drawn.rows == [(NOON, ["1", "2"]), (NOON + timedelta(minutes=1), ["–", "3"])]


@pytest.mark.parametrize("lines", [[], [line()], [line(None)], [line(0)]])
def test_nothing_to_draw_is_no_fault(lines: list[Line]) -> None:
    drawn = chart("Mail", lines, limit=3, limit_words="a bound")
    assert drawn.top in ("1", "5")


def test_a_bound_is_within_the_drawing() -> None:
    assert chart("Mail", [line(1)], limit=4).limit == HEIGHT * (1 - 4 / 5)


@pytest.mark.parametrize(
    ("value", "rounded"), [(0, 1), (1, 1), (3, 5), (0.004, 0.005), (0.1, 0.1), (11, 20), (21, 25), (99, 100)]
)
def test_the_top_is_a_round_number(value: float, rounded: float) -> None:
    assert round_up(value) == pytest.approx(rounded)


@pytest.mark.parametrize(
    ("part", "words"), [(0, "0 %"), (0.0005, "0.05 %"), (0.125, "12.5 %"), (1, "100 %"), (0.2, "20 %")]
)
def test_parts_read_as_per_cent(part: float, words: str) -> None:
    assert per_cent(part) == words
