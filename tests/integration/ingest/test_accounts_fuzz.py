"""The account routes against their own OpenAPI document: never a 5xx, no undocumented status, no other shape."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.ingest.conftest import Door
from tests.integration.ingest.documented import OPERATOR, Asker
from tests.integration.ingest.test_fuzz import QUIET

EXAMPLES = 6
CHECKS = (status_code_conformance, content_type_conformance, response_schema_conformance)
KEY, WORKSPACE = "/v1/api-keys/{id}", "/v1/workspaces/{workspace}"
OPERATIONS = [
    ("/v1/api-keys", "POST"), ("/v1/api-keys", "GET"), (KEY, "GET"), (KEY, "PATCH"), (f"{KEY}/rotation", "POST"),
    ("/v1/smtp-credentials", "POST"), ("/v1/smtp-credentials", "GET"), ("/v1/workspaces", "POST"),
    ("/v1/workspaces", "GET"), (WORKSPACE, "PATCH"), (f"{WORKSPACE}/api-keys", "POST"), ("/v1/audit", "GET"),
    (f"{WORKSPACE}/audit", "GET"),
]  # fmt: skip


def cases_of(operation: Any) -> list[Any]:
    """What schemathesis makes of an operation's description."""
    cases: list[Any] = []

    @settings(QUIET, max_examples=EXAMPLES)
    @given(operation.as_strategy())
    def collect(case: Any) -> None:
        cases.append(case)

    collect()
    return cases


async def test_replies_are_as_the_openapi_document_says(door: Door) -> None:
    document = (await door.http.get("/openapi.json")).json()
    schema = from_dict(document)
    key = await Asker(door, door.key).ask(201, "POST", "/v1/api-keys", {"name": "k", "scopes": ["email.send"]})
    given_ids = {"id": key["id"], "workspace": door.workspace.id}
    seen: set[tuple[str, int]] = set()
    for path, method in OPERATIONS:
        body = document["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
        example = body.get("application/json", {}).get("example")
        for number, case in enumerate(cases_of(schema[path][method])):
            case.path_parameters = {name: given_ids[name] for name in case.path_parameters or {}}
            arguments = case.as_transport_kwargs()
            if number == 0:
                arguments = {"json": example} if example is not None else {}
            elif isinstance(arguments.get("json"), dict):
                # right where it must be, so that the optional fields decide
                arguments["json"] = {**arguments["json"], **(example or {})} if number % 2 else arguments["json"]
            for caller in (door.key, OPERATOR):
                reply = await door.http.request(
                    method,
                    path.format(**given_ids),
                    headers={"authorization": f"Bearer {caller}"},
                    params=arguments.get("params"),
                    json=arguments.get("json"),
                )
                assert reply.status_code < 500, reply.text
                case.validate_response(reply, checks=CHECKS)
                seen.add((f"{method} {path}", reply.status_code))
    for path, method in OPERATIONS:
        assert seen & {(f"{method} {path}", 200), (f"{method} {path}", 201)}, (method, path)
