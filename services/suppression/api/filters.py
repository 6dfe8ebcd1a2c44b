"""The filters of a list, read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from services.suppression.api.reading import FaultyError, domain_name
from services.suppression.api.schemas import Listed
from services.suppression.rules import EntryType, Reason, Scope
from services.suppression.store import Wanted
from shared.addresses import InvalidAddressError, parse_address
from shared.contracts.topics import Stream
from shared.paging import filters_refused, read_filters

KNOWN = ("type", "cause", "scope", "domain", "stream", "origin", "expiring")
MOST_DAYS = 36_500
C = TypeVar("C", bound=StrEnum)


class Origin(StrEnum):
    """How an entry came."""

    API = "api"
    EVENT = "event"
    IMPORT = "import"
    OPERATOR = "operator"


def wanted_of(workspace_id: str | None, listed: Listed) -> Wanted:
    """What a list asks for; raises a 422 problem."""
    given = read_filters(listed.filters, KNOWN)
    return Wanted(
        workspace_id,
        types=_choice(given, "type", EntryType),
        causes=_choice(given, "cause", Reason),
        scopes=_choice(given, "scope", Scope),
        domains=_domains(given.get("domain")),
        streams=_choice(given, "stream", Stream),
        origins=_choice(given, "origin", Origin),
        expiring=_expiring(given.get("expiring")),
        search=listed.search and searched(listed.search),
    )


def searched(text: str) -> str:
    """What is searched for, a domain as its A-labels as addresses are kept."""
    local_part, at, domain = text.strip().rpartition("@")
    try:
        plain = parse_address(f"{local_part or 'a'}@{domain}", smtputf8=True)
    except InvalidAddressError:
        return text.strip()
    return plain if local_part else f"{at}{plain.rpartition('@')[2]}"


def _choice(given: dict[str, list[Any]], name: str, known: type[C]) -> list[C] | None:
    if name not in given:
        return None
    if not all(each in list(known) for each in given[name]):
        raise filters_refused("invalid_choice", f"The filter `{name}` must be of {', '.join(known)}.")
    return [known(each) for each in given[name]]


def _domains(given: Sequence[Any] | None) -> list[str] | None:
    if given is None:
        return None
    try:
        return [domain_name(each if isinstance(each, str) else "") for each in given]
    except FaultyError as error:
        raise filters_refused("invalid_domain", "The filter `domain` must be of domain names.") from error


def _expiring(given: Sequence[Any] | None) -> bool | timedelta | None:
    if given is None:
        return None
    if len(given) == 1 and isinstance(given[0], bool):
        return given[0]
    if len(given) == 1 and isinstance(given[0], int) and 0 < given[0] <= MOST_DAYS:
        return timedelta(days=given[0])
    raise filters_refused(
        "invalid_choice", "The filter `expiring` must be true (those that expire), false, or within how many days."
    )
