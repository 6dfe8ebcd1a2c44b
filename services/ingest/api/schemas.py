"""Pieces of the OpenAPI document that many routes share: problems, parameters, and schemas written out."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


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


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """A model's schema with what it refers to written in place: `$defs` mean nothing inside an OpenAPI document."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})

    def written_out(value: Any) -> Any:
        if isinstance(value, list):
            return [written_out(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return written_out(definitions[value["$ref"].rpartition("/")[2]])
        return {name: written_out(each) for name, each in value.items()}

    written: dict[str, Any] = written_out(schema)
    return written


def problems(*statuses: int, **details: str) -> dict[int | str, dict[str, Any]]:
    """The problem replies of a route; a detail by its status (`_404="…"`) says more than the usual."""
    texts = {status: details.get(f"_{status}", PROBLEMS[status]) for status in statuses}
    return {
        status: {"description": text, "content": {"application/problem+json": {"schema": PROBLEM}}}
        for status, text in texts.items()
    }


def json_body(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    """A route's JSON request body."""
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}
