"""What was counted over time as charts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.router.health.counts import Counts, latency_ms, share
from services.router.health.slots import Span, start_of
from services.router.health.store.sent import Sent
from shared.console.charts import Chart, Line, Point, chart, per_cent
from shared.console.words import span

Series = Mapping[datetime, Counts]
"""Counts by the time that they begin at; times without any may be missing."""


@dataclass(frozen=True, slots=True)
class Range:
    """A time that ends now, in steps. `each` says in words what a number of a step is of."""

    name: str
    words: str
    each: str
    length: timedelta
    step: timedelta

    def moments(self, now: datetime) -> list[datetime]:
        """When its steps begin, oldest first; the last one is the step of `now`."""
        last = start_of(now, self.step)
        steps = round(self.length / self.step)
        return [last - self.step * back for back in range(steps - 1, -1, -1)]


HOUR = Range("hour", "Last hour", "a minute", timedelta(hours=1), timedelta(minutes=1))
DAY = Range("day", "Last day", "an hour", timedelta(days=1), timedelta(hours=1))
WEEK = Range("week", "Last 7 days", "in 6 hours", timedelta(days=7), timedelta(hours=6))
RANGES = {each.name: each for each in (HOUR, DAY, WEEK)}


def by_transport(sent: Iterable[Sent]) -> dict[str, dict[datetime, Counts]]:
    found: dict[str, dict[datetime, Counts]] = {}
    for each in sent:
        found.setdefault(each.transport, {})[each.at] = each.counts
    return found


def by_rollup(spans: Iterable[Span], step: timedelta) -> dict[str, dict[datetime, Counts]]:
    """What was counted of one transport, by the rollup of the recipients' hosts."""
    found: dict[str, dict[datetime, Counts]] = {}
    for each in spans:
        at = start_of(each.at, step)
        for (_, rollup), way in each.ways.items():
            found.setdefault(rollup, {}).setdefault(at, Counter()).update(way.counts)
    return found


def whole(series: Series) -> Counts:
    return sum(series.values(), Counter())


def merged(several: Iterable[Series]) -> dict[datetime, Counts]:
    """Several series as one."""
    found: dict[datetime, Counts] = {}
    for series in several:
        for at, counts in series.items():
            found.setdefault(at, Counter()).update(counts)
    return found


def transport_charts(series: Series, over: Range, now: datetime) -> list[Chart]:
    """How a transport did: how much it took, what part of that was not accepted, and how long it took."""
    moments = over.moments(now)
    return [
        chart(f"Attempts {over.each}", [_line("Attempts", "calm", series, moments, _number("attempts"))]),
        chart(
            "Not accepted, part of attempts",
            [
                _line("Deferred", "warn", series, moments, _part("deferred", "attempts")),
                _line("Bounced", "bad", series, moments, _part("bounced", "attempts")),
                _line("Blocked", "mute", series, moments, _part("blocked", "attempts")),
            ],
            per_cent,
            least_top=0.1,
        ),
        chart(
            "Time to be accepted",
            [
                _line("Half of them within", "calm", series, moments, _latency(0.5)),
                _line("95 % within", "warn", series, moments, _latency(0.95)),
            ],
            span,
            least_top=100,
        ),
    ]


def domain_charts(series: Series, over: Range, now: datetime, warned: float, poor: float) -> list[Chart]:
    """How a sending domain did: what was accepted, hard bounces, and complaints beside the share that makes it poor."""
    moments = over.moments(now)
    return [
        chart(f"Accepted {over.each}", [_line("Accepted", "good", series, moments, _number("accepted"))]),
        chart(
            "Hard bounces, part of what was tried",
            [_line("Hard bounces", "bad", series, moments, _hard)],
            per_cent,
            least_top=0.05,
        ),
        chart(
            "Complaints, part of what was accepted",
            [_line("Complaints", "warn", series, moments, _part("complained", "accepted"))],
            per_cent,
            least_top=warned * 2,
            limit=poor,
            limit_words=f"poor above {per_cent(poor)}",
        ),
    ]


Value = Callable[[Counts], float | None]


def _line(name: str, tone: str, series: Series, moments: Iterable[datetime], value: Value) -> Line:
    return Line(name, [Point(at, value(series.get(at, Counter()))) for at in moments], tone)


def _number(name: str) -> Value:
    return lambda counts: counts[name]


def _part(name: str, of: str) -> Value:
    return lambda counts: share(counts[name], counts[of])


def _latency(quantile: float) -> Value:
    return lambda counts: latency_ms(counts, quantile)


def _hard(counts: Counts) -> float | None:
    return share(counts["hard"], counts["accepted"] + counts["bounced"])
