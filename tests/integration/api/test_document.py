"""The OpenAPI document of all services: valid, complete, and the same for each service alone."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
from fastapi.routing import APIRoute
from schemathesis.openapi import from_dict

from services.roles import SERVICES
from services.run import api_of, compose
from shared.api import Api
from shared.settings import SharedSettings

METHODS = {"get", "put", "post", "delete", "patch"}
PUBLIC_URL = "https://mail.example.com"
DIALECTS = {"broadcast", "plunk", "sendy"}


@pytest.fixture(scope="module")
def environment() -> Iterator[None]:
    """Settings of services that nothing is connected to."""
    key = b64encode(bytes(32)).decode()
    given = {
        "profile": "local", "pepper": key, "token_key": key, "encryption_key": key, "public_url": PUBLIC_URL,
        "operator_token": "operator-token-of-a-test",
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(f"POSTHORN_{name.upper()}", value)
        yield


@pytest.fixture(scope="module")
def api(environment: None) -> Api:
    """What one process with every http role serves, which no test changes: making it takes most of a second."""
    made = api_with(*SERVICES)
    assert made is not None
    return made


def api_with(*services: str) -> Api | None:
    return api_of(compose([f"{service}:http" for service in services]), SharedSettings())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield f"{method.upper()} {path}", item[method]


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a value."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from parts(each)
    elif isinstance(value, list):
        for each in value:
            yield from parts(each)


async def test_the_document_is_openapi_and_names_nothing_that_is_not_there(api: Api) -> None:
    document = api.openapi()
    from_dict(document).validate()
    for part in parts(document):
        if isinstance(part.get("$ref"), str):
            place: Any = document
            for name in part["$ref"].removeprefix("#/").split("/"):
                place = place[name]
    assert "$defs" not in str(document)
    assert "HTTPValidationError" not in str(document)


async def test_every_route_is_described_and_no_other(api: Api) -> None:
    described = {name for name, _ in operations(api.openapi())}
    served = {
        f"{method} {route.path.replace(':path}', '}')}"
        for service, _ in compose([f"{name}:http" for name in SERVICES])
        for router in service.routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods - {"HEAD"}
        if route.path != "/console" and not route.path.startswith("/console/")  # pages for people
    }
    assert served - described == {"GET /t/c/{rest}"}  # a cut link, which leads nowhere
    assert described <= served


async def test_every_operation_says_what_it_is_who_may_ask_and_what_it_answers(api: Api) -> None:
    document = api.openapi()
    ids = Counter(operation["operationId"] for _, operation in operations(document))
    assert not [name for name, count in ids.items() if count > 1]
    tags = {tag["name"] for tag in document["tags"]}
    for name, operation in operations(document):
        assert re.fullmatch(r"[a-z_]+", operation["operationId"]), name
        assert operation["summary"], name
        assert set(operation["tags"]) <= tags, name
        responses = operation["responses"]
        assert [status for status in responses if status < "400"], name
        assert ("401" in responses) == ("503" in responses and "security" in operation), name
        assert "500" in responses, name
        for status, reply in responses.items():
            assert reply["description"], (name, status)
            assert reply["headers"]["X-Request-Id"], (name, status)
            assert ("Retry-After" in reply["headers"]) == (status in ("429", "503")), (name, status)
            if status >= "400" and operation["tags"][0] not in DIALECTS | {"links"}:
                assert list(reply["content"]) == ["application/problem+json"], (name, status)
            if status < "300" and status != "204":
                assert all(one["schema"] for one in reply["content"].values()), (name, status)
        if "{" in name and operation["tags"] != ["links"]:
            assert "404" in responses, name


async def test_every_request_body_has_an_example_that_its_schema_allows(api: Api) -> None:
    document = api.openapi()
    for name, operation in operations(document):
        contents = operation.get("requestBody", {}).get("content", {})
        for content in contents.values():
            schema = {**content["schema"], "components": document["components"]}
            validator = jsonschema_rs.validator_for(schema, validate_formats=True)
            assert not [str(error) for error in validator.iter_errors(content["example"])], name
        if contents and "401" in operation["responses"] and "text/csv" not in contents:  # of any length: it is a stream
            assert {"413", "422"} <= operation["responses"].keys(), name


async def test_the_document_says_where_the_platform_is_and_how_to_authenticate(api: Api) -> None:
    document = api.openapi()
    assert document["servers"] == [{"url": PUBLIC_URL, "description": "This platform"}]
    assert {name: scheme["scheme"] for name, scheme in document["components"]["securitySchemes"].items()} == {
        "ApiKey": "bearer",
        "OperatorToken": "bearer",
    }
    by_name = dict(operations(document))
    assert by_name["POST /v1/emails"]["security"] == [{"ApiKey": ["email.send"]}]
    assert by_name["POST /v1/workspaces"]["security"] == [{"OperatorToken": []}]
    assert "security" not in by_name["GET /u/{token}"]


async def test_a_send_is_described_with_its_body_and_its_reply(api: Api) -> None:
    document = api.openapi()
    schemas = document["components"]["schemas"]
    for path, own in (("/v1/emails", []), ("/v1/workspaces/{workspace}/emails", ["workspace"])):
        operation = document["paths"][path]["post"]
        named = [parameter.get("name") or parameter["$ref"] for parameter in operation["parameters"]]
        shared = [f"#/components/parameters/{name}" for name in ("RequestId", "Traceparent")]
        assert named == [*own, "Idempotency-Key", *shared]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": "#/components/schemas/SendRequest"}
        assert {"400", "401", "403", "409", "413", "415", "422", "429", "503"} <= operation["responses"].keys()
        assert {"RateLimit", "RateLimit-Policy", "Idempotency-Replayed"} <= operation["responses"]["202"][
            "headers"
        ].keys()
    assert schemas["SendRequest"]["additionalProperties"] is False
    assert {"from", "cc", "tags", "metadata", "expires_at", "on_ambiguous"} <= schemas["SendRequest"][
        "properties"
    ].keys()
    assert list(schemas["AcceptedMessage"]["properties"]) == ["uuid", "recipient", "type", "from", "status"]


async def test_a_service_alone_describes_what_it_serves(api: Api) -> None:
    whole = dict(operations(api.openapi()))
    apart: dict[str, Any] = {}
    for service in SERVICES:
        alone = api_with(service)
        apart |= dict(operations(alone.openapi())) if alone is not None else {}
    assert apart == whole


async def test_the_document_is_served(api: Api) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url=PUBLIC_URL) as http:
        reply = await http.get("/openapi.json")
    assert reply.json() == api.openapi()
