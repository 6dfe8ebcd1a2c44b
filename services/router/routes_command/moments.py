"""Moments as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

AGO = re.compile(r"(\d{1,6})([mhd])")
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def moment_of(text: str, now: datetime | None = None) -> str:
    """A time (RFC 3339), or that of so many minutes, hours or days ago, as RFC 3339; raises ValueError."""
    if found := AGO.fullmatch(text):
        return ((now or datetime.now(UTC)) - int(found[1]) * UNITS[found[2]]).isoformat()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text} is neither a time nor 30m, 2h, 3d") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
