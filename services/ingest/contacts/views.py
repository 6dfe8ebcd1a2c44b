"""Contacts and their events as callers see them: the shapes that Leadpush's client libraries read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from services.ingest.contacts.attributes import IDENTITY
from shared.contracts.record import rfc3339


def contact_view(contact: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "uuid": contact["_id"],
        "subscribed": contact["subscribed"],
        "attributes": {IDENTITY: contact["address"], **contact["attributes"]},
        "provider": None,
        "delivery_route": contact["delivery_route"],
        "created_at": rfc3339(contact["created_at"]),
        "updated_at": rfc3339(contact["updated_at"]),
    }


def event_view(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "uuid": event["_id"],
        "event_name": event["event_name"],
        "attributes": orjson.loads(event["attributes"]),
        "created_at": rfc3339(event["created_at"]),
    }
