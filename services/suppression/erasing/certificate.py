"""What is shown of an erasure: how far it has come, and what each service did. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.contracts.record import rfc3339

SERVICES = ("ingest", "router", "suppression", "sender", "webhooks")


class State(StrEnum):
    """`running` until every service has confirmed, `final` once the topics do not hold the person any more either."""

    RUNNING = "running"
    REDACTED = "redacted"
    FINAL = "final"


def state_of(document: Mapping[str, Any], topics: timedelta, now: datetime) -> State:
    """`topics` is how long Kafka may keep a record."""
    redacted_at = document.get("redacted_at")
    if redacted_at is None:
        return State.RUNNING
    return State.FINAL if redacted_at + topics <= now else State.REDACTED


def certificate_of(document: Mapping[str, Any], topics: timedelta, now: datetime) -> dict[str, Any]:
    """The certificate as it stands; it names the person by the HMAC alone."""
    done, redacted_at = document["services"], document.get("redacted_at")
    return {
        "id": document["_id"],
        "state": state_of(document, topics, now),
        "scope": "platform" if document["workspace_id"] is None else "workspace",
        "address_hmac": document["address_hmac"],
        "reason": document["reason"],
        "requested_by": document["by"],
        "requested_at": rfc3339(document["requested_at"]),
        "services": [_service(name, done[name]) for name in SERVICES if name in done],
        "waiting_for": [name for name in SERVICES if name not in done],
        "redacted_at": None if redacted_at is None else rfc3339(redacted_at),
        "topics_until": None if redacted_at is None else rfc3339(redacted_at + topics),
    }


def _service(name: str, did: Mapping[str, Any]) -> dict[str, Any]:
    times = {at: rfc3339(did[at]) for at in ("began_at", "confirmed_at")}
    return {"service": name, **times, "counts": did["counts"]}
