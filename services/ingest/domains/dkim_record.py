"""DKIM key records (RFC 6376 section 3.6.1): compared with our key by what they mean, not by their text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.ingest.domains.tags import InvalidTagsError, parse_tags
from shared.dkim_keys import RSA, key_type

WHITE = re.compile(r"\s+")


def problem_of_key(texts: Sequence[str], public_key: str, algorithm: str = RSA) -> str | None:
    """What keeps receivers from verifying with the key; None where the TXT records of its selector are right.

    `texts` are the records' strings joined, one for each record; `public_key` is what `p=` is to have.
    """
    type_ = key_type(algorithm)
    if not texts:
        return "is not published"
    if len(texts) > 1:
        return f"stands beside {len(texts) - 1} other TXT record(s): which one counts is undefined, remove all but one"
    try:
        tags = parse_tags(texts[0])
    except InvalidTagsError as error:
        return f"is not a DKIM record: it {error}"
    if "v" in tags and (next(iter(tags)) != "v" or tags["v"] != "DKIM1"):
        return "has a version other than v=DKIM1, or not as its first tag"
    if (shown := tags.get("k", "rsa")) != type_:
        return f"is for keys of type {shown[:20]!r}, not {type_}"
    if "h" in tags and "sha256" not in _list(tags["h"]):
        return "allows no sha256 (h=)"
    if "s" in tags and not {"*", "email"} & set(_list(tags["s"])):
        return "is not for e-mail (s=)"
    if "p" not in tags:
        return "has no key (p=)"
    published = WHITE.sub("", tags["p"])
    if not published:
        return "is revoked: its p= is empty"
    if published != WHITE.sub("", public_key):
        return "has another key; was it cut off, or is it an older one?"
    return None


def problem_of_revoked(texts: Sequence[str]) -> str | None:
    """What lets a revoked key still verify: any record with a key in it."""
    for text in texts:
        try:
            if WHITE.sub("", parse_tags(text).get("p", "")):
                return "still has a key: empty its p=, or remove the record"
        except InvalidTagsError:
            continue
    return None


def warning_of_key(texts: Sequence[str]) -> str | None:
    """What is right and yet weakens the signatures."""
    for text in texts:
        try:
            if "y" in _list(parse_tags(text).get("t", "")):
                return "says that the domain is testing DKIM (t=y): receivers may treat its mail as not signed"
        except InvalidTagsError:
            continue
    return None


def _list(value: str) -> list[str]:
    return [item.strip() for item in value.split(":")]
