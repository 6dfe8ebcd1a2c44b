"""What routes say of themselves in the OpenAPI document: request bodies, replies and problems.

Handlers read and write their bodies themselves, so that a route is described beside its handler.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel

Described = dict[int | str, dict[str, Any]]
Schema = dict[str, Any]
PROBLEM_JSON = "application/problem+json"
PROBLEM = {"$ref": "#/components/schemas/Problem"}
PROBLEMS = {
    400: "Not JSON, or a malformed header",
    401: "No key, an unknown one, or one that may not be used any more or from here",
    403: "The key lacks the scope, or the workspace may not (`error` and `feature` say what is missing)",
    404: "There is none, or it is another workspace's",
    409: "It was changed at the same time; try again",
    410: "The workspace keeps nothing of what its messages say",
    413: "The body is too large",
    415: "The body is of another media type",
    422: "Faults in the request, all of them",
    429: "Too many requests; Retry-After says when the next may come",
    500: "Something went wrong on our side",
    503: "The database cannot be reached now; try again",
}
OPERATOR = (401, 503)
"""What a route for the operator may answer whatever it is for."""
KEY = (401, 403, 503)
"""What a route for keys may answer whatever it is for."""
BODY = (413, 415, 422)
"""What a route that reads a JSON body may answer besides."""

Limit = Annotated[int, Query(ge=1, le=100, description="how many at most")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before")]


def schema_of(model: type[BaseModel]) -> Schema:
    """A model's schema with what it refers to written in place: `$defs` mean nothing inside an OpenAPI document."""
    schema = dict(_json_schema(model))
    definitions = schema.pop("$defs", {})

    def written_out(value: Any) -> Any:
        if isinstance(value, list):
            return [written_out(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return written_out(definitions[value["$ref"].rpartition("/")[2]])
        return {name: written_out(each) for name, each in value.items()}

    written: Schema = written_out(schema)
    return written


@cache
def _json_schema(model: type[BaseModel]) -> Mapping[str, Any]:
    return model.model_json_schema(by_alias=True)


def problems(*statuses: int, **said: str) -> Described:
    """Problem replies by their statuses; a text by its status (`_404="…"`) says more than the usual."""
    return {
        status: {
            "description": said.get(f"_{status}", PROBLEMS[status]),
            "content": {PROBLEM_JSON: {"schema": PROBLEM}},
        }
        for status in sorted(set(statuses))
    }


def replies(
    status: int, body: type[BaseModel] | Schema | None, description: str, *statuses: int, **said: str
) -> Described:
    """An operation's good reply, with JSON of a model or a schema, and its problems."""
    good: dict[str, Any] = {"description": description}
    if isinstance(body, dict):
        good["content"] = {"application/json": {"schema": body}}
    elif body is not None:
        good["model"] = body
    return {status: good, **problems(*statuses, **said)}


def json_body(schema: Schema, example: Any, *, required: bool = True) -> dict[str, Any]:
    """A JSON request body."""
    return {"required": required, "content": {"application/json": {"schema": schema, "example": example}}}


def body_of(model: type[BaseModel], example: Any, *, required: bool = True) -> dict[str, Any]:
    """The body's part of an operation that reads its body itself."""
    return {"requestBody": json_body(schema_of(model), example, required=required)}
