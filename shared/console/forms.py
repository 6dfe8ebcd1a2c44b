"""What browsers' fields give, as the API takes it. Pure."""

from __future__ import annotations


def as_moment(text: str) -> str:
    """What a field of date and time gives (HTML Living Standard section 2.3.5.5) in UTC; or the text."""
    return text if text.endswith("Z") or "+" in text else f"{text}{':00' if text.count(':') == 1 else ''}Z"
