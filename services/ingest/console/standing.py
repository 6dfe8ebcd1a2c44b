"""How a workspace's mail does now, in words: what needs attention first, the critical lane, the day. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from services.ingest.projection.activity import shown
from services.ingest.projection.waits import TARGET_MS, TARGET_SHARE, Waits
from services.ingest.store.activity import Slot, Stretch
from services.ingest.store.unattempted import Unattempted
from shared.console.charts import Chart, Line, Point, chart
from shared.console.words import share, span

MOST_BOUNCED, MOST_COMPLAINED, MOST_UNHEARD = 0.05, 0.001, 0.1
LEAST_MAIL = 50
"""Of fewer messages a rate says nothing."""
TARGET = span(TARGET_MS)
STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Matter:
    """Something to know of: `tone` is one of the console's, `path` the page that shows more."""

    tone: str
    title: str
    words: str
    path: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the day's counts, with its rate of late."""

    name: str
    tone: str
    day: int
    per_minute: float
    path: str


def matters(day: Stretch, waiting: Unattempted, stuck: int) -> list[Matter]:
    """What needs attention, the worst first; where nothing does, that."""
    found = list(_matters(day, waiting, stuck))
    return sorted(found, key=lambda matter: ("bad", "warn").index(matter.tone)) or [
        Matter("good", "Nothing needs attention", "Mail is accepted and goes out as it should.", "/console/messages")
    ]


def _matters(day: Stretch, waiting: Unattempted, stuck: int) -> Iterator[Matter]:
    if waiting.count:
        number = f"{waiting.count}{' and more' if waiting.more else ''}"
        yield Matter(
            "bad",
            "Sign-in and security mail waits",
            f"{number} of these messages have waited longer than {TARGET} for their first attempt.",
            "/console/queue?lane=critical",
        )
    if stuck:
        yield Matter(
            "bad",
            "Messages are stuck",
            f"A fault of Posthorn stopped {stuck}. They are safe, and go on once their dead letters are replayed.",
            "/console/messages?status=stuck",
        )
    hour = day.last(60).latency()
    if hour.share is not None and hour.share < TARGET_SHARE:
        yield Matter(
            "warn",
            "The critical lane was late",
            f"In the last hour {share(hour.in_time, hour.attempted)} of its messages were begun within {TARGET}; "
            f"the aim is {TARGET_SHARE:.0%}.",
            "/console/queue?lane=critical",
        )
    yield from _rates(day.total())


def _rates(total: Slot) -> Iterator[Matter]:
    counts = shown(total.counts)
    tried = counts["delivered"] + counts["bounced"]
    if tried >= LEAST_MAIL and counts["bounced"] > MOST_BOUNCED * tried:
        yield Matter(
            "warn",
            "Many messages bounce",
            f"{share(counts['bounced'], tried)} of the last day's came back; hosts begin to mistrust at 5 %.",
            "/console/messages?status=bounced",
        )
    if counts["delivered"] >= LEAST_MAIL and counts["complained"] > MOST_COMPLAINED * counts["delivered"]:
        yield Matter(
            "bad",
            "Recipients complain",
            f"{share(counts['complained'], counts['delivered'])} of the last day's mail was reported as spam; "
            "above 0.1 % hosts hold mail back.",
            "/console/suppressions?reason=complaint",
        )
    posts = sum(total.webhooks.values())
    failed = total.webhooks.get("failed", 0)
    if posts >= LEAST_MAIL and failed > MOST_UNHEARD * posts:
        yield Matter(
            "warn",
            "Webhooks are not taken",
            f"{share(failed, posts)} of the last day's posts failed.",
            "/console/webhooks",
        )


def critical_lane(hour: Waits, waiting: Unattempted) -> Matter:
    """The state of the critical lane against its aim, in a sentence."""
    if waiting.count:
        return Matter("bad", "Waits", f"{waiting.count} wait longer than {TARGET}.", "/console/queue?lane=critical")
    if hour.share is None:
        words = "No password reset or one-time code went out in the last hour."
        return Matter("calm", "Quiet", words, "/console/messages?stream=authentication")
    tone, title = ("good", "Draining normally") if hour.share >= TARGET_SHARE else ("warn", "Late")
    words = (
        f"{share(hour.in_time, hour.attempted)} of {hour.attempted} first attempts began within {TARGET} "
        "in the last hour."
    )
    return Matter(tone, title, words, "/console/messages?stream=authentication")


FIGURES = (
    ("accepted", "calm", "/console/messages"),
    ("delivered", "good", "/console/messages?status=delivered"),
    ("deferred", "warn", "/console/messages?status=deferred"),
    ("bounced", "bad", "/console/messages?status=bounced"),
    ("complained", "bad", "/console/suppressions?reason=complaint"),
    ("suppressed", "mute", "/console/messages?status=suppressed"),
)


def figures(day: Stretch) -> list[Figure]:
    """The day's counts by outcome, and webhook callbacks, each with its rate of the last minutes."""
    late = day.last(5)
    counts, recent = shown(day.total().counts), shown(late.total().counts)
    told = [Figure(name, tone, counts[name], late.per_minute(recent[name]), path) for name, tone, path in FIGURES]
    posts, recent_posts = (sum(each.total().webhooks.values()) for each in (day, late))
    return [*told, Figure("webhook callbacks", "calm", posts, late.per_minute(recent_posts), "/console/webhooks")]


def day_curve(day: Stretch) -> Chart:
    """The day in messages of a quarter of an hour."""
    counts = [(slot.begins_at, shown(slot.counts)) for slot in day.in_steps(STEP)]
    return chart(
        "Messages in a quarter of an hour, the last day",
        [
            Line(name, [Point(at, count[name]) for at, count in counts], tone)
            for name, tone in (("accepted", "calm"), ("delivered", "good"), ("bounced", "bad"))
        ],
    )
