"""The terms that a message is found by, next to its whole addresses: folded words and domains. Pure.

A term is a kind and a text: `s:invoice` is a word of the subject. All terms of a message stand in one list, so that one
index finds by any of them, newest first (decision 0015).

A subject is not known to every event, nor for ever. So its terms come first in the list, and the kind of a subject's is
greater than that of a domain, which comes first without it: of two lists that differ by the subject's terms alone,
MongoDB's `$max` and Python's `max` take the one that has them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

SUBJECT, LOCAL_PART, TAG = "s", "l", "t"  # kinds of words
DOMAIN, SENDER_DOMAIN = "d", "f"
LONGEST_WORD, LONGEST_DOMAIN = 32, 255
SUBJECT_WORDS, LOCAL_PART_WORDS, TAG_WORDS = 24, 6, 12
MOST_TERMS = SUBJECT_WORDS + LOCAL_PART_WORDS + TAG_WORDS + 2

_ASCII_WORD = re.compile(r"[a-z0-9]+")


def folded(text: str) -> str:
    """The text without case, accents and other marks that combine (Unicode 3.13, D146: compatibility caseless
    matching): `É` is `e`, `ß` is `ss`, `ﬁ` is `fi`."""
    if text.isascii():
        return text.lower()
    caseless = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(each for each in caseless if not unicodedata.combining(each))


def words(text: str, most: int) -> list[str]:
    """The first distinct words of a text, folded: runs of letters, digits and their marks, cut to 32 characters."""
    plain = folded(text)
    if plain.isascii():
        found = _ASCII_WORD.findall(plain)
    else:
        found = "".join(each if unicodedata.category(each)[0] in "LNM" else " " for each in plain).split()
    return list(dict.fromkeys(each[:LONGEST_WORD] for each in found))[:most]


def term(kind: str, text: str) -> str:
    """The term of a folded word, or of a domain in A-labels."""
    return f"{kind}:{text[:LONGEST_DOMAIN]}"


def terms_of_subject(subject: str) -> list[str]:
    """To be put before a message's other terms."""
    return [term(SUBJECT, each) for each in words(subject, SUBJECT_WORDS)]


def terms_of_identity(recipient: str, sender: str, tags: Sequence[str]) -> list[str]:
    """What every event of a message says of it; the recipient's domain is the first."""
    local_part, _, domain = recipient.lower().rpartition("@")
    return [
        term(DOMAIN, domain),
        term(SENDER_DOMAIN, sender.lower().rpartition("@")[2]),
        *(term(LOCAL_PART, each) for each in words(local_part, LOCAL_PART_WORDS)),
        *(term(TAG, each) for each in words(" ".join(tags), TAG_WORDS)),
    ]
