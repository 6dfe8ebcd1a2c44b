"""How times, numbers and states read on a page: Jinja's filters. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup

TONES = {
    "delivered": "good", "sent": "good", "relayed": "good", "succeeded": "good", "verified": "good", "active": "good",
    "closed": "good", "healthy": "good", "enabled": "good", "done": "good",
    "accepted": "calm", "pending": "calm", "scheduled": "calm", "queued": "calm", "sending": "calm", "waiting": "calm",
    "published": "calm", "processing": "calm", "running": "calm",
    "deferred": "warn", "stuck": "warn", "held": "warn", "ambiguous": "warn", "half_open": "warn", "warning": "warn",
    "throttled": "warn", "retiring": "warn", "failing": "warn", "retrying": "warn",
    "bounced": "bad", "failed": "bad", "complained": "bad", "open": "bad", "disabled": "bad", "lost": "bad",
    "suspended": "bad",
    "suppressed": "mute", "canceled": "mute", "revoked": "mute", "expired": "mute",
}  # fmt: skip
TIME = Markup('<time datetime="%s" title="%s">%s</time>')


def tone(state: str) -> str:
    """The tone of a badge: good, calm, warn, bad or mute. A badge says its state in words too."""
    return TONES.get(state, "mute")


def spoken(name: str) -> str:
    """A name of the API as words: `hard_bounce` as `hard bounce`."""
    return name.replace("_", " ").replace(".", " ")


def as_time(value: datetime | str) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def at(value: datetime | str | None) -> Markup:
    """A moment for readers anywhere: UTC in the text, and for the page's script to show in their own time."""
    if value is None:
        return Markup('<span class="none">–</span>')
    moment = as_time(value).astimezone(UTC)
    shown, exact = f"{moment:%d %b %Y, %H:%M:%S} UTC", moment.isoformat(timespec="milliseconds")
    return TIME % (exact, exact, shown)  # by `format` it takes half as long again, and pages have hundreds


def span(milliseconds: float) -> str:
    """A duration to two or three digits: `12 ms`, `1.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    for size, unit, smaller, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def age(value: datetime | str | None, now: datetime | None = None) -> str:
    """How long ago, or how far ahead."""
    if value is None:
        return "–"
    ago = (now or datetime.now(UTC)) - as_time(value)
    return f"in {span(-ago / MILLISECOND)}" if ago < timedelta(0) else f"{span(ago / MILLISECOND)} ago"


MILLISECOND = timedelta(milliseconds=1)


def count(value: float) -> str:
    """A number with its thousands apart."""
    return f"{value:,.0f}".replace(",", "\N{THIN SPACE}")


def size(value: float) -> str:
    """Bytes, in the unit that leaves one to four digits."""
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def share(part: float, whole: float) -> str:
    """A part in per cent; a dash where there is no whole. Never rounds up to all, nor down to nothing."""
    if not whole:
        return "–"
    per_cent = 100 * part / whole
    if 0 < per_cent < 0.1:
        return "< 0.1 %"
    if 99.95 <= per_cent < 100:
        return "> 99.9 %"
    return f"{per_cent:.1f} %" if per_cent % 100 else f"{per_cent:.0f} %"


FILTERS: dict[str, Any] = {
    "tone": tone, "spoken": spoken, "at": at, "span": span, "age": age, "count": count, "size": size, "share": share,
}  # fmt: skip
