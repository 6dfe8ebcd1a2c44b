"""What single values must look like wherever they are given: lines (RFC 5322) and times (RFC 3339). Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

LONGEST_SUBJECT = 998
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def parse_time(text: str) -> datetime | None:
    """An RFC 3339 time in UTC, to the millisecond as MongoDB keeps it; None where the text is none."""
    if not RFC3339.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
