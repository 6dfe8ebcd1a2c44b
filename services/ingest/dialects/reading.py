"""What the dialects share: JSON objects read loosely, as their originals do, where a fault lies, what is a replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from services.ingest.acceptance.send_request import SendRequest, read_send_request
from services.ingest.acceptance.storing import Admitted
from services.ingest.faults import Faults
from shared.errors import Fault, ProblemError


def object_of(body: bytes) -> dict[str, Any]:
    """A JSON object; raises a 400 problem for anything else."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ProblemError(400, "malformed_json", f"The body is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise ProblemError(400, "malformed_json", "The body must be a JSON object.")
    return value


def request_of(fields: Mapping[str, Any]) -> tuple[SendRequest, Faults]:
    """The core's request out of its fields, those that are None left out; faults where a value has the wrong type."""
    return read_send_request({name: value for name, value in fields.items() if value is not None})


def replay_headers(admitted: Admitted) -> dict[str, str]:
    """What tells a reply that was given before from a new one."""
    return {"Idempotency-Replayed": "true"} if admitted.replayed else {}


def listed(value: Any) -> Any:
    """One value or several, as several; None stays."""
    return value if value is None or isinstance(value, list) else [value]


def place_of(fault: Fault) -> list[str]:
    """The parts of a fault's pointer, unescaped (RFC 6901 section 4)."""
    parts = fault.pointer.removeprefix("#").removeprefix("/").split("/")
    return [part.replace("~1", "/").replace("~0", "~") for part in parts if part]
