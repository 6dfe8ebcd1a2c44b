"""The columns of a file of suppressions, and what its cells say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from services.suppression.rules import NEVER, REASON_OF_TYPE, Entry, EntryType, Reason
from shared import csv_lines
from shared.addresses import InvalidAddressError, parse_address
from shared.contracts.record import rfc3339
from shared.csv_lines import unguarded

COLUMNS = (
    "email", "type", "cause", "reason", "scope", "domain", "stream", "origin", "created_at", "last_seen", "expires_at",
)  # fmt: skip
READ = ("email", "type", "cause", "reason", "scope", "domain", "stream", "expires_at")
OTHER_NAMES = {
    "emailaddress": "email", "address": "email", "recipient": "email", "note": "reason", "expiresat": "expires_at",
}  # fmt: skip
WITHOUT_HEADER = ("email", "type", "reason")
NAMES_OF_REASONS = {str(each).replace("_", ""): each for each in Reason if each is not Reason.ERASURE}
NAMES_OF_TYPES = {str(each): reason for each, reason in REASON_OF_TYPE.items() if each is not EntryType.ERASURE}


def header_of(cells: Sequence[str]) -> list[str] | None:
    """The names of the columns where the row is a header: one of them is `email`, or a name of the same."""
    plain = [re.sub(r"[\s_-]", "", cell).lower() for cell in cells]
    known = {name.replace("_", ""): name for name in READ} | OTHER_NAMES
    names = [known.get(name, "") for name in plain]
    return names if "email" in names else None


def is_data(cells: Sequence[str]) -> bool:
    """Whether a row begins with an address, as those of a file without a header do."""
    try:
        parse_address(unguarded(cells[0]), smtputf8=True)
    except (InvalidAddressError, IndexError):
        return False
    return True


def values_of(names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """What a row says, by column; empty cells say nothing. The first of two columns of one name counts."""
    found: dict[str, str] = {}
    for name, cell in zip(names, cells, strict=False):
        if name and name not in found and (text := unguarded(cell).strip()):
            found[name] = text
    return found


def reason_of(text: str) -> Reason | None:
    """The reason that a type or a cause names, whatever its case and underscores."""
    plain = re.sub(r"[\s_-]", "", text).lower()
    return NAMES_OF_TYPES.get(plain) or NAMES_OF_REASONS.get(plain)


def said_by(values: dict[str, str]) -> dict[str, str]:
    """What a row says; where no column says the type, a reason that is one's name does, as in other systems' files."""
    if not values.keys() & {"type", "cause"} and reason_of(values.get("reason", "")) is not None:
        return {"type": values["reason"], **{name: each for name, each in values.items() if name != "reason"}}
    return values


def moment_of(text: str) -> datetime | None:
    """An RFC 3339 time, or None."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def line_of(entry: Entry, email: str) -> str:
    """An entry as a line of the export."""
    place = entry.place
    return csv_lines.line_of((
        email, entry.type, entry.reason, entry.note, place.scope, place.domain, place.stream, entry.origin,
        rfc3339(entry.first_seen), rfc3339(entry.last_seen), None if entry.until == NEVER else rfc3339(entry.until),
    ))  # fmt: skip


def header_line() -> str:
    return csv_lines.line_of(COLUMNS)


def defaults_over(values: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, str]:
    """What a row says, and the defaults where it does not; what it says of its scope stands by itself."""
    if values.keys() & {"scope", "domain", "stream"}:
        defaults = {name: each for name, each in defaults.items() if name not in ("scope", "domain", "stream")}
    return {**defaults, **values}
