"""What the OpenAPI document says of sending: the routes read and write their bodies themselves."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from services.ingest.acceptance.send_request import SendRequest


class AcceptedMessage(BaseModel):
    uuid: str
    recipient: str
    type: Literal["to", "cc", "bcc"]
    from_: str
    status: Literal["pending"]

    model_config = ConfigDict(alias_generator=lambda name: name.rstrip("_"))


class AcceptedData(BaseModel):
    accepted: Literal[True]
    message_count: int
    messages: list[AcceptedMessage]


class AcceptedReply(BaseModel):
    """One tracked message for each unique recipient, in the order to, cc, bcc."""

    data: AcceptedData


def _texts(*names: str) -> dict[str, Any]:
    return {name: {"type": "string"} for name in names}


# Written out: a model's own schema would point into `$defs`, which an OpenAPI document does not have.
FAULT = {
    "type": "object",
    "required": ["pointer", "code", "detail"],
    "properties": _texts("pointer", "code", "detail"),
}
PROBLEM = {
    "title": "Problem",
    "description": "Problem details (RFC 9457); `errors` names every fault of a request",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        **_texts("type", "title", "detail", "instance", "code", "request_id"),
        "status": {"type": "integer"},
        "errors": {"type": "array", "items": FAULT},
    },
}
PROBLEMS = {
    400: "Not JSON, or a malformed Idempotency-Key",
    401: "No key, an unknown one, or one that has expired",
    403: "The key lacks the scope, or the workspace may not send (`error`: `upgrade_needed` with its `feature`, or "
    "`email_verification_required`)",
    404: "The path names another workspace than the key's",
    409: "Another request with this Idempotency-Key is under way",
    413: "Too large",
    415: "Not application/json",
    422: "Faults in the request, all of them; or an Idempotency-Key that was used for another request",
    429: "Too many requests, or the workspace's recipients of the day are used up; Retry-After says when to try again",
    503: "Nothing was accepted, or it is not known; try again",
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeated request with this key gets the first one's reply",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
WORKSPACE = {
    "name": "workspace",
    "in": "path",
    "required": True,
    "description": "The key's own workspace",
    "schema": {"type": "string"},
}


def send_operation(*parameters: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI operation of a sending route, beside its replies."""
    body = {"application/json": {"schema": SendRequest.model_json_schema(by_alias=True)}}
    return {
        "parameters": [*parameters, IDEMPOTENCY_KEY],
        "requestBody": {"required": True, "content": body},
    }


def send_responses() -> dict[int | str, dict[str, Any]]:
    problems: dict[int | str, dict[str, Any]] = {
        status: {"description": text, "content": {"application/problem+json": {"schema": PROBLEM}}}
        for status, text in PROBLEMS.items()
    }
    return {202: {"model": AcceptedReply, "description": "Stored durably; delivery follows"}, **problems}
