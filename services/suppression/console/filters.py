"""The filters of the list as its form has them, and as the API's list takes them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import orjson

from services.suppression.api.filters import Origin
from services.suppression.console.words import ORIGINS, REASONS
from services.suppression.rules import EntryType, Reason, Scope
from shared.contracts.topics import Stream

Options = list[tuple[str, str]]

FILTERS = ("search", "reason", "scope", "stream", "domain", "origin", "ends")
ANY = ("", "any")
_BOUNCES = (Reason.HARD_BOUNCE, Reason.INACTIVE, Reason.INVALID_DOMAIN, Reason.SOFT_BOUNCE_LIMIT)
REASON_OPTIONS: Options = [
    ANY,
    (EntryType.COMPLAINT, "complaint"),
    (EntryType.UNSUBSCRIBE, "unsubscribed"),
    (EntryType.MANUAL, "manual"),
    (EntryType.ERASURE, "erased"),
    (EntryType.BOUNCE, "bounce of any kind"),
    *((str(cause), f"bounce: {REASONS[cause].title.lower()}") for cause in _BOUNCES),
]
SCOPE_OPTIONS: Options = [
    ANY,
    (Scope.WORKSPACE, "all mail"),
    (Scope.DOMAIN, "mail from one domain"),
    (Scope.STREAM, "mail of one stream"),
]
STREAM_OPTIONS: Options = [ANY, *((stream.value, stream.value) for stream in Stream)]
ORIGIN_OPTIONS: Options = [ANY, *((origin.value, ORIGINS[origin]) for origin in Origin)]
ENDS: Mapping[str, Any] = {"7": 7, "30": 30, "some": True, "never": False}
ENDS_OPTIONS: Options = [
    ANY,
    ("7", "within 7 days"),
    ("30", "within 30 days"),
    ("some", "some day"),
    ("never", "never"),
]


def domain_options(domains: Collection[str]) -> Options:
    return [ANY, *((name, name) for name in sorted(domains))]


def filters_of(query: Mapping[str, str]) -> dict[str, str]:
    """The filters that were given, in their order."""
    return {name: value for name in FILTERS if (value := query.get(name, "").strip())}


def listed_of(given: Mapping[str, str]) -> dict[str, Any]:
    """The same as the fields of `services.suppression.api.schemas.Listed`."""
    wanted: dict[str, Any] = {name: given[name] for name in ("scope", "stream", "domain", "origin") if name in given}
    if "reason" in given:
        wanted["type" if given["reason"] in list(EntryType) else "cause"] = given["reason"]
    if "ends" in given:
        wanted["expiring"] = ENDS.get(given["ends"], given["ends"])
    filters = [{"id": name, "value": value} for name, value in wanted.items()]
    return {"search": given.get("search"), "filters": orjson.dumps(filters).decode() if filters else None}
