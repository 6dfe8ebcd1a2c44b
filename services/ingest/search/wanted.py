"""What a search wants of a message, in clauses that all must hold. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import idna

from services.ingest.search.terms import DOMAIN, LOCAL_PART, SENDER_DOMAIN, SUBJECT, TAG, term, words

ID, TERMS, RECIPIENT, SENDER = "_id", "terms", "recipient_key", "sender_key"
DOMAIN_KINDS = {RECIPIENT: DOMAIN, SENDER: SENDER_DOMAIN}
SHORTEST_BEGINNING = 3  # characters
MOST_WORDS = 10

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class TooVagueError(ValueError):
    """Nothing can be searched by that; says why, for the one who searches."""


@dataclass(frozen=True, slots=True)
class Clause:
    """Met by messages with one of the values in an indexed field, or with a text there that begins as one of them."""

    field: str
    values: tuple[str, ...]
    is_beginning: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """Messages that meet every clause and were accepted in a time: `since` included, `until` excluded."""

    clauses: tuple[Clause, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


def guessed(text: str) -> list[Clause]:
    """What somebody means who says just this: a message's id, a recipient, or words of subject, tags and the
    recipient's local part. Raises TooVagueError."""
    text = text.strip()
    if _UUID.fullmatch(text.lower()):
        return [Clause(ID, (text.lower(),))]
    return [of_address(RECIPIENT, text)] if "@" in text else of_words(text, SUBJECT, LOCAL_PART, TAG)


def of_subject(text: str) -> list[Clause]:
    """Words that all stand in the subject. Raises TooVagueError."""
    return of_words(text, SUBJECT)


def of_words(text: str, *kinds: str) -> list[Clause]:
    """Words each of which a message has as one of the kinds; the last may be the beginning of one, if it has three
    letters. Raises TooVagueError."""
    found = words(text, MOST_WORDS + 1)
    if not found:
        raise TooVagueError("has no letter or digit to search by")
    if len(found) > MOST_WORDS:
        raise TooVagueError(f"has more than {MOST_WORDS} words")
    return list(_clauses(found, kinds))


def of_address(field: str, text: str) -> Clause:
    """A whole address, `@` with a domain, or the beginning of either. It is whole where its domain has a dot. Raises
    TooVagueError."""
    text = text.strip().lower()
    local_part, at, domain = text.rpartition("@")
    is_whole = "." in domain if at else False
    if at:
        domain = _in_a_labels(domain)
    if not is_whole and len(text) < SHORTEST_BEGINNING:
        raise TooVagueError(f"must have at least {SHORTEST_BEGINNING} characters of an address")
    if at and not local_part:
        return Clause(TERMS, (term(DOMAIN_KINDS[field], domain),), not is_whole)
    return Clause(field, (f"{local_part}{at}{domain}",), not is_whole)


def _clauses(found: list[str], kinds: tuple[str, ...]) -> Iterator[Clause]:
    for number, word in enumerate(found, 1):
        is_beginning = number == len(found) and len(word) >= SHORTEST_BEGINNING
        yield Clause(TERMS, tuple(term(kind, word) for kind in kinds), is_beginning)


def _in_a_labels(domain: str) -> str:
    """As recipients are stored; what is no domain stays as it is."""
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain
