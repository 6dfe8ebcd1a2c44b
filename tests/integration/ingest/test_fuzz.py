"""The send route against its own OpenAPI document and against what fits no document: never a 5xx, always a shape."""

from __future__ import annotations

import json
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.ingest.conftest import SENDER, Door, send

EXAMPLES = 60
QUIET = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def assert_shape(reply: httpx.Response) -> None:
    assert reply.status_code < 500, reply.text
    if reply.status_code == 202:
        assert reply.json()["data"]["accepted"] is True
        return
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["status"] == reply.status_code
    assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(problem)
    if problem["code"] == "invalid_request":
        assert problem["errors"]
        assert all(fault["pointer"].startswith("#") for fault in problem["errors"])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([SENDER, "a@b.test"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    ["from", "subject", "html", "text", "to", "cc", "bcc", "reply_to", "headers", "tags", "metadata", "stream",
     "expires_at", "on_ambiguous", "other"]
)  # fmt: skip
BODIES = st.one_of(
    st.binary(max_size=200),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(FIELDS, JSON, max_size=5).map(lambda changes: json.dumps({**send(), **changes}).encode()),
)


async def test_no_body_and_no_header_brings_the_route_down(door: Door) -> None:
    cases: list[tuple[bytes, str, str | None]] = []

    @QUIET
    @given(
        BODIES,
        st.sampled_from(["application/json", "application/json", "text/plain", ""]),
        st.none() | st.text('a" \\~', max_size=5),
    )
    def collect(body: bytes, content_type: str, key: str | None) -> None:
        cases.append((body, content_type, key))

    collect()
    for body, content_type, key in cases:
        headers = {"content-type": content_type, **({"idempotency-key": key} if key is not None else {})}
        assert_shape(await door.post(content=body, headers=headers))


async def test_replies_are_as_the_openapi_document_says(door: Door) -> None:
    document = (await door.http.get("/openapi.json")).json()
    operation = from_dict(document)["/v1/emails"]["POST"]
    checks = (status_code_conformance, content_type_conformance, response_schema_conformance)
    cases: list[Any] = []

    @QUIET
    @given(operation.as_strategy())
    def collect(case: Any) -> None:
        cases.append(case)

    collect()
    seen = set()
    for number, case in enumerate(cases):
        if number % 2:
            # right where it must be, so that the optional fields decide
            case.body = {**case.body, **send()}
        arguments = case.as_transport_kwargs()
        if "json" not in arguments:
            continue  # a form, which has tests of its own
        given_headers = {name: str(value) for name, value in arguments["headers"].items()}
        headers = {**given_headers, "authorization": f"Bearer {door.key}"}
        request = door.http.build_request("POST", "/v1/emails", headers=headers, json=arguments["json"])
        reply = await door.http.send(request)
        assert_shape(reply)
        seen.add(reply.status_code)
        case.validate_response(reply, checks=checks)
    assert seen >= {202, 422}


async def test_the_document_describes_request_and_reply(door: Door) -> None:
    document = (await door.http.get("/openapi.json")).json()
    for path, parameters in (
        ("/v1/emails", ["Idempotency-Key"]),
        ("/v1/workspaces/{workspace}/emails", ["workspace", "Idempotency-Key"]),
    ):
        operation = document["paths"][path]["post"]
        assert [parameter["name"] for parameter in operation["parameters"]] == parameters
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert body["additionalProperties"] is False
        assert {"from", "cc", "tags", "metadata", "stream", "expires_at", "on_ambiguous"} <= set(body["properties"])
        assert {"202", "400", "401", "403", "404", "409", "413", "415", "422", "503"} <= set(operation["responses"])
        assert "$ref" in operation["responses"]["202"]["content"]["application/json"]["schema"]
    assert "$defs" not in json.dumps(document)
    shown = document["components"]["schemas"]["AcceptedMessage"]
    assert list(shown["properties"]) == ["uuid", "recipient", "type", "from", "status"]
