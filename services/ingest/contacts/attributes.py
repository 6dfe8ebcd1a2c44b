"""What the attributes of a contact may be: the address that identifies it, and values by name.

A caller's value is a string, a number or a boolean; null removes the attribute (as RFC 7396 has it). Where a field of
the name is declared, its value has the field's type.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import bson

from services.ingest.contacts.changes import LARGEST_ATTRIBUTES
from services.ingest.contacts.fields import Field
from services.ingest.faults import TOO_LARGE, Faults, pointer_to
from shared.addresses import CONTROL, InvalidAddressError, parse_address

IDENTITY = "email"
LONGEST_NAME = 100
LONGEST_TEXT = 10_000
MOST_NAMES = 200
DEEPEST = 8
INT64 = range(-(2**63), 2**63)

Attributes = dict[str, Any]


def check_identity(value: Any, faults: Faults, *, smtputf8: bool) -> str | None:
    """The address that `attributes.email` names, None beside a fault."""
    place = pointer_to("attributes", IDENTITY)
    if value is None or value == "":
        faults.add(place, "required", "`attributes.email` is required: it identifies the contact.")
    elif not isinstance(value, str):
        faults.add(place, "wrong_type", "`attributes.email` must be a string.")
    else:
        try:
            return parse_address(value, smtputf8=smtputf8)
        except InvalidAddressError as error:
            faults.add(place, "invalid_address", f"`attributes.email` {str(error).rstrip('.')}.")
    return None


def check_attributes(
    given: Mapping[str, Any],
    fields: Mapping[str, Field],
    faults: Faults,
    *,
    nested: bool = False,
    at: str = "attributes",
) -> tuple[Attributes, list[str]]:
    """The attributes to set, without the identity, and the names of those to remove.

    With `nested`, objects and arrays may be values too, up to 8 levels deep. Faults point below `at`, a top-level field
    of the request.
    """
    if len(given) > MOST_NAMES:
        faults.add(pointer_to(at), "too_many", f"`{at}` may hold at most {MOST_NAMES} names.")
        return {}, []
    kept: Attributes = {}
    for name, value in given.items():
        if name == IDENTITY:
            continue
        fault = _name_fault(name) or _value_fault(name, value, fields, nested)
        if fault is not None:
            faults.add(pointer_to(at, name), *fault)
        elif value is not None:
            kept[name] = value
    if len(bson.encode(kept)) > LARGEST_ATTRIBUTES:
        faults.add(pointer_to(at), TOO_LARGE, attributes_full())
    return kept, [name for name, value in given.items() if value is None and name != IDENTITY]


def attributes_full() -> str:
    return f"The attributes of a contact may take {LARGEST_ATTRIBUTES // 1024} KiB together."


def _name_fault(name: str) -> tuple[str, str] | None:
    if 0 < len(name) <= LONGEST_NAME and not name.startswith("$") and not CONTROL.search(name):
        return None
    return "invalid_name", f"A name has 1 to {LONGEST_NAME} characters, none of them a control, `$` not the first."


def _value_fault(name: str, value: Any, fields: Mapping[str, Field], nested: bool) -> tuple[str, str] | None:
    if value is None:
        return None
    field = fields.get(name)
    if field is not None:
        detail = field.complaint(value)
        return ("wrong_value", f"`{name}` {detail}.") if detail else None
    if isinstance(value, dict | list):
        if not nested:
            return "wrong_type", f"`{name}` must be a string, a number or a boolean."
        return _json_fault(value, DEEPEST)
    return _scalar_fault(value)


def _scalar_fault(value: Any) -> tuple[str, str] | None:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return "too_long", f"A text may be at most {LONGEST_TEXT} characters long."
    if isinstance(value, int) and value not in INT64:
        return "out_of_range", "An integer must fit into 64 bits."
    if isinstance(value, float) and not math.isfinite(value):
        return "out_of_range", "A number must be finite."
    return None


def _json_fault(value: Any, deepest: int) -> tuple[str, str] | None:
    """The first fault in nested data; MongoDB takes a document of `$…` names for something else than data."""
    if not isinstance(value, dict | list):
        return _scalar_fault(value)
    if deepest == 0:
        return "too_deep", f"Nested data may be at most {DEEPEST} levels deep."
    if isinstance(value, dict):
        for name in value:
            if name.startswith("$") or "\x00" in name:
                return "invalid_name", "A name in nested data may not begin with `$`, nor hold a NUL."
    items = value.values() if isinstance(value, dict) else value
    return next((fault for fault in (_json_fault(item, deepest - 1) for item in items) if fault), None)
