"""How moments, replies and names read in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

LONGEST = 300


def moment(value: Any) -> str | None:
    """A time of a record to the second, None where there is none."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def short(text: str) -> str:
    """Without the stop at its end, which the sentence has, and not longer than a sentence bears."""
    text = text.strip()
    return (text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…").rstrip(".")


def said(data: Mapping[str, Any]) -> str:
    """The reply with its code in front, behind a colon; empty where nothing was said."""
    code, text = data.get("code"), str(data.get("reply") or "")
    if code is not None and not text.startswith(str(code)):
        text = f"{code} {text}"
    return f": {short(text)}" if text.strip() else ""


def kind(data: Mapping[str, Any]) -> str:
    """The class of a refusal, in brackets."""
    name = data.get("class")
    return f" ({spoken(str(name))})" if name else ""


def until(data: Mapping[str, Any], name: str, before: str) -> str:
    """The time of a field behind some words; empty where there is none."""
    at = moment(data.get(name))
    return f"{before} {at}" if at else ""


def spoken(word: str) -> str:
    return word.replace("_", " ")


def place_of(url: Any) -> str:
    """A URL without what may be secret in it: user, password, query and fragment."""
    parts = urlsplit(str(url))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
