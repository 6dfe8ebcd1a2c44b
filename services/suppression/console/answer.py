"""Whether mail goes to an address, and which of it does not. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from services.suppression.rules import Entry, Scope, leading
from shared.contracts.topics import Lane, Stream

ALL = "all mail"
SPARED = "but that of the streams authentication and security"


@dataclass(frozen=True, slots=True)
class Stopped:
    """Some mail that does not go out: which, in words, and the entry that stops it."""

    mail: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Answer:
    """`tone` is one of the console's; the address follows the `title`; `stopped` is empty where all mail goes out."""

    tone: str
    title: str
    stopped: tuple[Stopped, ...]


def answered(entries: Sequence[Entry], now: datetime, *, spares_complaints: bool) -> Answer:
    """What the entries of an address, of every scope, mean for mail to it.

    `spares_complaints` is whether the workspace sends critical mail in spite of complaints.
    """
    ordered = sorted(entries, key=_mail)
    groups = [(mail, list(same)) for mail, same in groupby(ordered, key=_mail)]
    stopped = tuple(each for mail, same in groups for each in _stopped(mail, same, now, spare=spares_complaints))
    if not stopped:
        return Answer("good", "Mail goes to", ())
    whole = [each for each in stopped if each.mail == ALL]
    if whole:
        return Answer("bad", "No mail goes to", tuple(whole))
    return Answer("warn", "Some mail does not go to", stopped)


def _mail(entry: Entry) -> str:
    place = entry.place
    if place.scope is Scope.DOMAIN:
        return f"mail from {place.domain}"
    return f"mail of the stream {place.stream}" if place.scope is Scope.STREAM else ALL


def _stopped(mail: str, entries: Sequence[Entry], now: datetime, *, spare: bool) -> Iterator[Stopped]:
    """What the entries of one kind of mail stop of it."""
    always = leading(entries, now, spare_complaints=spare)
    spared = leading(entries, now)
    if always is not None:
        yield Stopped(mail, always)
    elif spared is not None:
        stream = spared.place.stream
        if stream is None:
            yield Stopped(f"{mail} {SPARED}", spared)
        elif Stream(stream).lane is not Lane.CRITICAL:
            yield Stopped(mail, spared)
