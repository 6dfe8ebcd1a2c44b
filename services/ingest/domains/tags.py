"""Tag lists, the syntax of DKIM and DMARC records (RFC 6376 section 3.2)."""

from __future__ import annotations

import re

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class InvalidTagsError(ValueError):
    """A text that is no tag list, in words for who published it."""


def parse_tags(text: str) -> dict[str, str]:
    """The tags in their order, white space around names and values removed; raises InvalidTagsError.

    A tag that stands twice makes the whole list invalid.
    """
    tags: dict[str, str] = {}
    parts = text.split(";")
    if not parts[-1].strip():
        parts.pop()
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or not NAME.fullmatch(name):
            raise InvalidTagsError(f"has a part that is no tag: {part.strip()[:40]!r}")
        if name in tags:
            raise InvalidTagsError(f"has the tag {name}= twice")
        tags[name] = value.strip()
    return tags
