"""What the OpenAPI document says of a route: its body with an example, and every reply that it may give."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from services.ingest.api.schemas import PROBLEM

PROBLEMS = {
    401: "No key, an unknown one, or one that has expired",
    403: "The key lacks the scope",
    404: "No such object in the key's workspace",
    409: "It keeps being changed by others; try again",
    413: "Too large",
    415: "Not application/json",
    422: "Faults in the request, all of them",
    503: "The database cannot be reached now; try again",
}
READING = (401, 403, 422, 503)
WRITING = (401, 403, 413, 415, 422, 503)


def replies(
    good: int, model: type[BaseModel] | None, description: str, *problems: int
) -> dict[int | str, dict[str, Any]]:
    """A route's replies: the good one, and those of the problems that it may answer with."""
    told: dict[int | str, dict[str, Any]] = {good: {"description": description}}
    if model is not None:
        told[good]["model"] = model
    for status in problems:
        content = {"application/problem+json": {"schema": PROBLEM}}
        told[status] = {"description": PROBLEMS[status], "content": content}
    return told


def body_of(model: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """A route's request body in the OpenAPI document, with an example."""
    schema = _inlined(model.model_json_schema())
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with what it refers to in its place: an OpenAPI document has no `$defs`."""
    defined: dict[str, Any] = schema.pop("$defs", {})

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return resolved(defined[part["$ref"].rpartition("/")[2]])
        return {name: resolved(value) for name, value in part.items()}

    inlined: dict[str, Any] = resolved(schema)
    return inlined
