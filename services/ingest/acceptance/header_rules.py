"""Which headers a caller may set (RFC 5322 sections 2.2 and 3.6, RFC 3834 section 5), and the tags among them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from services.ingest.faults import Faults, pointer_to
from services.ingest.forms import CONTROL

MOST_HEADERS = 50
LONGEST_LINE = 998
LONGEST_TAG = 128
MOST_TAGS = 20

NAME = re.compile(r"[A-Za-z0-9-]{1,76}")
AUTO_SUBMITTED = re.compile(r"(no|auto-generated|auto-replied|auto-notified)\s*(;.*)?", re.IGNORECASE)
TAG_HEADERS = frozenset({"x-leadpush-tag", "x-posthorn-tag"})
RESERVED = frozenset(
    {
        "authentication-results",
        "bcc",
        "cc",
        "date",
        "dkim-signature",
        "feedback-id",
        "from",
        "message-id",
        "mime-version",
        "received",
        "received-spf",
        "reply-to",
        "return-path",
        "sender",
        "subject",
        "to",
    }
)
RESERVED_PREFIXES = ("content-", "arc-", "resent-", "x-leadpush-", "x-posthorn-")


def check_headers(given: Mapping[str, str], faults: Faults) -> tuple[dict[str, str], list[str]]:
    """The headers that the message carries, and the tags that stood among them, which it does not carry."""
    headers: dict[str, str] = {}
    tags: list[str] = []
    seen: set[str] = set()
    if len(given) > MOST_HEADERS:
        faults.add("#/headers", "too_many", f"`headers` may hold at most {MOST_HEADERS} headers.")
        return headers, tags
    for name, value in given.items():
        lower = name.lower()
        fault = _fault_of(name, lower, value, seen)
        seen.add(lower)
        if fault:
            faults.add(pointer_to("headers", name), *fault)
        elif lower in TAG_HEADERS:
            tags.append(_unquoted(value))
        else:
            headers[name] = value
    return headers, tags


def _fault_of(name: str, lower: str, value: str, seen: set[str]) -> tuple[str, str] | None:
    if not NAME.fullmatch(name):
        return "invalid_header_name", "A header name holds 1 to 76 letters, digits and hyphens, nothing else."
    if lower in seen:
        return "duplicate_header", f"The header {name} is given twice."
    if lower in RESERVED or (lower.startswith(RESERVED_PREFIXES) and lower not in TAG_HEADERS):
        return "reserved_header", f"The header {name} is reserved and cannot be set."
    if CONTROL.search(value):
        return "line_break", f"The value of {name} may not contain line breaks or control characters."
    if lower in TAG_HEADERS:
        return _tag_fault(_unquoted(value))
    if len(name) + 2 + len(value.encode()) > LONGEST_LINE:
        return "too_long", f"The header {name} may be at most {LONGEST_LINE} bytes long."
    if lower == "auto-submitted" and not AUTO_SUBMITTED.fullmatch(value.strip()):
        return "invalid_value", "Auto-Submitted is one of no, auto-generated, auto-replied, auto-notified."
    return None


def check_tags(given: list[str], from_headers: list[str], faults: Faults) -> list[str]:
    """The tags without repeats, those of the field first."""
    if len(given) + len(from_headers) > MOST_TAGS:
        faults.add("#/tags", "too_many", f"A message may have at most {MOST_TAGS} tags.")
        return []
    for place, tag in enumerate(given):
        fault = _tag_fault(tag)
        if fault:
            faults.add(pointer_to("tags", place), *fault)
    return list(dict.fromkeys([*given, *from_headers]))


def _tag_fault(tag: str) -> tuple[str, str] | None:
    if not tag.strip():
        return "required", "A tag may not be empty."
    if len(tag) > LONGEST_TAG:
        return "too_long", f"A tag may be at most {LONGEST_TAG} characters long."
    if CONTROL.search(tag):
        return "line_break", "A tag may not contain line breaks or control characters."
    return None


def _unquoted(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
