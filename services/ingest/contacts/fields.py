"""Fields that a workspace declares for its contacts' attributes, and whether a value fits one.

Types and formats are Leadpush's: https://leadpush.io/docs/developer/fields-api/create-fields. Values of attributes are
kept as they were given, dates and times as their text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from services.ingest.contacts.iso_formats import InvalidFormatError, compile_format
from services.ingest.contacts.patterns import InvalidPatternError, compile_pattern
from services.ingest.faults import Faults
from services.ingest.forms import RFC3339
from shared.addresses import InvalidAddressError, parse_address

FieldType = Literal["integer", "text", "date", "datetime", "boolean"]
TextFormat = Literal["email", "phone", "uuid", "url", "regex"]

FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
RESERVED = frozenset(
    {"id", "uuid", "email", "subscribed", "provider", "delivery_route", "created_at", "updated_at"}
)  # fmt: skip
LONGEST_TEXT = 10_000
LONGEST_MATCHED = 500
PHONE = re.compile(r"\+?[0-9][0-9 ().-]{3,30}")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Field:
    """A declared field; `text`, `pattern` and `iso_format` are its format, None where it has none."""

    uuid: str
    name: str
    type: FieldType
    text: TextFormat | None
    pattern: str | None
    iso_format: str | None
    created_at: str

    def complaint(self, value: Any) -> str | None:
        """What is wrong with a value, in words that follow the field's name; None where nothing is."""
        if self.type == "boolean":
            return None if isinstance(value, bool) else "must be true or false"
        if self.type == "integer":
            good = isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
            return None if good else "must be an integer of 64 bits"
        if not isinstance(value, str):
            return "must be a string"
        if len(value) > LONGEST_TEXT:
            return f"may be at most {LONGEST_TEXT} characters long"
        if self.iso_format is not None:
            return None if compile_format(self.iso_format).fits(value) else f"must have the form {self.iso_format}"
        if self.type == "date":
            return None if DATE.fullmatch(value) and _is_date(value) else "must be a date such as 2026-01-31"
        if self.type == "datetime":
            return None if _is_moment(value) else "must be an RFC 3339 time such as 2026-01-31T12:30:00Z"
        return self._text_complaint(value)

    def _text_complaint(self, value: str) -> str | None:
        if self.text == "email":
            try:
                parse_address(value, smtputf8=True)
            except InvalidAddressError as error:
                return str(error).rstrip(".")
        if self.text == "phone" and not PHONE.fullmatch(value):
            return "must be a phone number: digits, spaces and `().-`, with or without `+` before them"
        if self.text == "uuid" and not UUID.fullmatch(value):
            return "must be a UUID"
        if self.text == "url" and not _is_url(value):
            return "must be an http or https URL"
        if self.text == "regex":
            if len(value) > LONGEST_MATCHED:
                return f"may be at most {LONGEST_MATCHED} characters long"
            if not compile_pattern(self.pattern or "").found_in(value):
                return "does not match the field's pattern"
        return None

    def shown(self) -> dict[str, Any]:
        """As callers see it, and as it is kept."""
        parts = {"text": self.text, "pattern": self.pattern, "iso_format": self.iso_format}
        return {
            "uuid": self.uuid,
            "name": self.name,
            "type": self.type,
            "format": parts if any(parts.values()) else None,
            "created_at": self.created_at,
        }


def field_of(kept: Mapping[str, Any]) -> Field:
    """A field from what `shown` gave."""
    parts = kept["format"] or {}
    texts = (parts.get("text"), parts.get("pattern"), parts.get("iso_format"))
    return Field(kept["uuid"], kept["name"], kept["type"], *texts, kept["created_at"])


def new_field(given: Mapping[str, Any], id_: str, created_at: str, faults: Faults) -> Field:
    """The field that a request declares; `given` holds what fits its types, the rest is among the faults already."""
    parts = given.get("format") or {}
    field = Field(
        id_,
        given.get("name", ""),
        given.get("type", "text"),
        parts.get("text"),
        parts.get("pattern"),
        parts.get("iso_format"),
        created_at,
    )
    _check_name(field.name, faults)
    if not faults.concern("type", "format"):
        _check_format(field, faults)
    return field


def _check_name(name: str, faults: Faults) -> None:
    if name in RESERVED:
        faults.add("#/name", "reserved", f"`{name}` is reserved.")
    elif not FIELD_NAME.fullmatch(name):
        faults.add("#/name", "invalid_name", "A field's name has 1 to 64 letters, digits and `_`, no digit first.")


def _check_format(field: Field, faults: Faults) -> None:
    dated = field.type in ("date", "datetime")
    if field.text is not None and field.type != "text":
        faults.add("#/format/text", "not_allowed", "`format.text` is for fields of the type text.")
    if field.iso_format is not None and not dated:
        faults.add("#/format/iso_format", "not_allowed", "`format.iso_format` is for dates and datetimes.")
    elif field.iso_format is not None:
        try:
            compile_format(field.iso_format)
        except InvalidFormatError as error:
            faults.add("#/format/iso_format", "invalid", f"`format.iso_format` {error}.")
    if field.text == "regex" and not field.pattern:
        faults.add("#/format/pattern", "required", "`format.pattern` is required where `format.text` is regex.")
    elif field.pattern is not None and field.text != "regex":
        faults.add("#/format/pattern", "not_allowed", "`format.pattern` is for `format.text` regex.")
    elif field.pattern is not None:
        try:
            compile_pattern(field.pattern)
        except InvalidPatternError as error:
            faults.add("#/format/pattern", "invalid_pattern", f"`format.pattern` {error}.")


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_moment(text: str) -> bool:
    if not RFC3339.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port_fits and not re.search(r"\s", text)
