"""Sendy's batch: one e-mail for many with variables for each, or e-mails of their own. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.errors import Fault, invalid_request

LARGEST = 500


def items_of(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The e-mails of a batch as single requests; raises a 422 problem for what is no batch."""
    if isinstance(given.get("emails"), list):
        return [each if isinstance(each, dict) else {} for each in _bounded("emails", given["emails"])]
    if isinstance(given.get("recipients"), list):
        common = {name: value for name, value in given.items() if name != "recipients"}
        return [{**common, **_recipient(each)} for each in _bounded("recipients", given["recipients"])]
    detail = "A batch needs `recipients`, or `emails`."
    raise invalid_request([Fault("#/recipients", "required", detail)])


def _bounded(name: str, items: list[Any]) -> list[Any]:
    if not 1 <= len(items) <= LARGEST:
        raise invalid_request([Fault(f"#/{name}", "too_many", f"A batch has 1 to {LARGEST} e-mails.")])
    return items


def _recipient(given: Any) -> dict[str, Any]:
    if isinstance(given, dict):
        return {"to": given.get("to"), "variables": given.get("variables") or {}}
    return {"to": given, "variables": {}}
