"""Lines over time for pages: SVG paths made on the server, and what they say in words. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.console.words import count

WIDTH, HEIGHT = 600, 120
"""Of the drawing's own coordinates; the page stretches it to the room that there is."""
GRID = (0.0, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a moment; None is a gap, where nothing is known."""

    at: datetime
    value: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: what it counts, in one of the console's tones (good, calm, warn, bad, mute)."""

    name: str
    points: Sequence[Point]
    tone: str = "calm"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line as SVG path data (SVG 2, section 9.3): `curve`, the `area` below it, and `dots` for values between gaps;
    the rest is said beside it."""

    name: str
    tone: str
    curve: str
    area: str
    dots: str
    latest: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing for the macro `plot` of `parts.html`. `told` says in words what it shows; `rows` are its numbers, one
    for each moment, in the order of `lines`. `limit` is the height of a line that marks a bound."""

    title: str
    lines: Sequence[Drawn]
    top: str
    bottom: str
    grid: Sequence[float]
    limit: float | None
    limit_words: str | None
    begins: datetime | None
    ends: datetime | None
    told: str
    rows: Sequence[tuple[datetime, Sequence[str]]]


def chart(
    title: str,
    lines: Sequence[Line],
    shown: Callable[[float], str] = count,
    *,
    least_top: float = 1.0,
    limit: float | None = None,
    limit_words: str | None = None,
) -> Chart:
    """Draws lines over the same moments, oldest first, from 0 to the highest value, but never to less than
    `least_top`. `shown` puts a value in words: `count`, `per_cent`, `span` of milliseconds."""
    moments = [point.at for point in lines[0].points] if lines else []
    known = [point.value for line in lines for point in line.points if point.value is not None]
    highest = round_up(max([least_top, *known, *([limit] if limit is not None and known else [])]))
    return Chart(
        title=title,
        lines=[_drawn(line, highest, shown) for line in lines],
        top=shown(highest),
        bottom=shown(0),
        grid=[HEIGHT * part for part in GRID],
        limit=_y(limit, highest) if limit is not None and known else None,
        limit_words=limit_words,
        begins=moments[0] if moments else None,
        ends=moments[-1] if moments else None,
        told=f"{title}. {' '.join(_told(line, shown) for line in lines)}",
        rows=[
            (moment, [_value(line.points[place].value, shown) for line in lines])
            for place, moment in enumerate(moments)
        ],
    )


def round_up(value: float) -> float:
    """The next of 1, 2, 2.5, 5, 10 … that is not below."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-9))


def per_cent(part: float) -> str:
    """A part of 1 in per cent: `0 %`, `0.05 %`, `12.5 %`."""
    return f"{100 * part:.2f}".rstrip("0").rstrip(".") + " %"


def _drawn(line: Line, highest: float, shown: Callable[[float], str]) -> Drawn:
    curve, area, dots = [], [], []
    for piece in _pieces(line.points):
        way = " L".join(f"{x:.1f} {_y(value, highest):.1f}" for x, value in piece)
        if len(piece) == 1:
            dots.append(f"M{way}h.01")  # no length to speak of, but the ends of a line are round
            continue
        curve.append(f"M{way}")
        area.append(f"M{piece[0][0]:.1f} {HEIGHT} L{way} L{piece[-1][0]:.1f} {HEIGHT} Z")
    latest = next((point.value for point in reversed(line.points) if point.value is not None), None)
    return Drawn(line.name, line.tone, " ".join(curve), " ".join(area), " ".join(dots), _value(latest, shown))


def _pieces(points: Sequence[Point]) -> Iterator[list[tuple[float, float]]]:
    """The stretches without a gap, as x and value."""
    if not points:
        return
    begins, whole = points[0].at, (points[-1].at - points[0].at).total_seconds()
    piece: list[tuple[float, float]] = []
    for point in points:
        if point.value is not None:
            x = WIDTH * (point.at - begins).total_seconds() / whole if whole else 0.0
            piece.append((x, point.value))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _y(value: float, highest: float) -> float:
    return HEIGHT * (1 - value / highest)


def _value(value: float | None, shown: Callable[[float], str]) -> str:
    return "–" if value is None else shown(value)


def _told(line: Line, shown: Callable[[float], str]) -> str:
    known = [point for point in line.points if point.value is not None]
    if not known:
        return f"{line.name}: nothing yet."
    values = [point.value for point in known if point.value is not None]
    return f"{line.name}: lowest {shown(min(values))}, highest {shown(max(values))}, last {shown(values[-1])}."
