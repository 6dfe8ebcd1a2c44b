"""What stands in the form of an endpoint, and the API's bodies that it makes. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.console.forms import number_of
from shared.errors import Fault, invalid_request

Fields = dict[str, Any]

TEXTS = (
    "name", "url", "description", "signature", "concurrency", "rate", "timeout_seconds", "method", "headers", "query",
    "body",
)  # fmt: skip
NEW = (*TEXTS, "secret")
NUMBERS = ("concurrency", "rate", "timeout_seconds")
HEADER = re.compile(r"([^:]+):(.*)", re.DOTALL)
PARAMETER = re.compile(r"([^ ]+) =(.*)|([^=]+)=(.*)", re.DOTALL)
EMPTY: Fields = dict.fromkeys(NEW, "") | {"signature": "standard", "method": "POST", "events": []}


def shown(data: Mapping[str, Any], view: Mapping[str, Any]) -> Fields:
    """The fields of an endpoint that is there: `data` is its own, `view` as the API shows it."""
    return {
        **{name: view[name] for name in ("name", "url", "description", "signature", "method")},
        **{name: "" if data.get(name) is None else str(data[name]) for name in NUMBERS},
        "headers": "\n".join(f"{name}: {value}" for name, value in view["headers"].items()),
        "query": "\n".join(f"{name} = {value}" for name, value in view["query"].items()),
        "body": _plain_lines(view["body"] or "").strip(),
        "events": list(view["events"]),
    }


def body_of(given: Mapping[str, Any]) -> Fields:
    """A new endpoint's body. Raises a 422 problem for lines that are no header or parameter."""
    body = _values(given)
    return {name: value for name, value in body.items() if name != "secret" or value is not None}


def changes_of(given: Mapping[str, Any], before: Mapping[str, Any]) -> Fields:
    """The body that changes what differs from `before`, as its form shows it; what is as it was stays as it is. Raises
    as `body_of` does."""
    values = _values({name: value for name, value in given.items() if name in before})
    return {name: value for name, value in values.items() if _comparable(given[name]) != _comparable(before[name])}


def _values(given: Mapping[str, Any]) -> Fields:
    values: Fields = dict(given)
    faults: list[Fault] = []
    for name in NUMBERS:
        values[name] = number_of(given[name])
    for name, line in (("headers", HEADER), ("query", PARAMETER)):
        values[name], wrong = _pairs(name, _plain_lines(given[name]), line)
        faults += wrong
    values["body"] = _plain_lines(given["body"]) or None
    if "secret" in given:
        values["secret"] = given["secret"] or None
    if faults:
        raise invalid_request(faults)
    return values


def _pairs(field: str, text: str, line: re.Pattern[str]) -> tuple[dict[str, str], list[Fault]]:
    """One pair a line."""
    pairs: dict[str, str] = {}
    faults: list[Fault] = []
    for number, each in enumerate(text.split("\n"), 1):
        if not each.strip():
            continue
        match = line.fullmatch(each.strip())
        if match is None:
            faults.append(Fault(f"#/{field}", "line_invalid", f"Line {number} has no name and value."))
            continue
        name, value = (part.strip() for part in match.groups() if part is not None)
        if name in pairs:
            faults.append(Fault(f"#/{field}", "name_twice", f"Line {number}: {name} stands there twice."))
        pairs[name] = value
    return pairs, faults


def _comparable(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else _plain_lines(value)


def _plain_lines(text: str) -> str:
    """Browsers send line ends as CR LF (HTML Living Standard section 4.10.21.4)."""
    return text.replace("\r\n", "\n")
