"""A key as a form: from what is shown of it to fields, and from fields to what the API is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import Request

from shared.console.forms import lines_of, moment_of, number_of, read_form, read_ticked

TEXTS = ("name", "expires_at", "allowed_ips", "domains", "default_stream", "rate_limit")
HOUR, DAY = 3600, 86_400
GRACES = [
    (str(DAY), "for a day"),
    (str(HOUR), "for an hour"),
    (str(7 * DAY), "for a week"),
    (str(30 * DAY), "for 30 days"),
    ("0", "not at all: it has leaked"),
]


async def given_by(request: Request) -> dict[str, Any]:
    """The fields of the form that was sent."""
    return {**await read_form(request, *TEXTS), "scopes": await read_ticked(request, "scopes")}


def filled(key: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields of a key's form; without a key those of a new one's."""
    if key is None:
        return {**dict.fromkeys(TEXTS, ""), "scopes": ["email.send"]}
    return {
        "name": key["name"],
        "scopes": key["scopes"],
        "expires_at": field_time(key["expires_at"]),
        "allowed_ips": "\n".join(key["allowed_ips"]),
        "domains": "\n".join(key["domains"]),
        "default_stream": key["default_stream"] or "",
        "rate_limit": "" if key["rate_limit"] is None else str(key["rate_limit"]),
    }


def body_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields ask the API for."""
    return {
        "name": given["name"],
        "scopes": given["scopes"],
        "expires_at": moment_of(given["expires_at"]),
        "allowed_ips": lines_of(given["allowed_ips"]),
        "domains": lines_of(given["domains"]),
        "default_stream": given["default_stream"] or None,
        "rate_limit": number_of(given["rate_limit"]),
    }


def changes_of(key: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Of what the fields ask for, what differs from the key: the rest is not asked for, and may have changed since."""
    before, after = body_of(filled(key)), body_of(given)
    return {name: value for name, value in after.items() if value != before[name]}


def field_time(moment: str | None) -> str:
    """A time of the API as a browser's field of date and time takes it, in UTC."""
    if moment is None:
        return ""
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def key_state(key: Mapping[str, Any], now: datetime | None = None) -> str:
    """Whether a key opens anything: `active` or `expired`."""
    expires_at = key["expires_at"]
    expired = expires_at is not None and datetime.fromisoformat(expires_at) <= (now or datetime.now(UTC))
    return "expired" if expired else "active"
