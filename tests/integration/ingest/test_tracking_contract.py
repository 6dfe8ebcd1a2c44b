"""The links' routes against their own OpenAPI document: for what it lets through, and for links that are ours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fixtures.deployment import Deployment
from tests.integration.ingest.reader import TARGET, open_reader
from tests.integration.ingest.test_fuzz import QUIET

CHECKS = (status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.mark.parametrize(
    ("path", "method", "statuses"),
    [
        ("/t/o/{token}", "GET", {200}),
        ("/t/c/{token}/{target}", "GET", {302, 404}),
        ("/u/{token}", "GET", {200, 404}),
        ("/u/{token}", "POST", {200, 400, 404}),
    ],
)
async def test_replies_are_as_the_document_says(
    deployment: Deployment, path: str, method: str, statuses: set[int]
) -> None:
    cases: list[Any] = []
    async with open_reader(deployment) as reader:
        operation = from_dict((await reader.http.get("/openapi.json")).json())[path][method]

        @settings(QUIET, max_examples=40)
        @given(operation.as_strategy())
        def collect(case: Any) -> None:
            cases.append(case)

        collect()
        token, target = reader.url("click", TARGET).split("/")[-2:]
        kinds = {"/t/o/{token}": "open", "/u/{token}": "unsubscribe"}
        ours = {"token": reader.url(kinds[path]).split("/")[-1] if path in kinds else token, "target": target}
        seen = set()
        for number, case in enumerate(cases):
            if number % 4:
                case.path_parameters = {name: ours[name] for name in case.path_parameters}
            asked = case.as_transport_kwargs(base_url="http://posthorn")
            if "files" in asked:
                continue  # parts are tried by hand: httpx takes none but of text
            form = asked.get("data")
            reply = await reader.http.request(
                asked["method"], asked["url"], headers=asked["headers"], data=form if isinstance(form, dict) else None
            )
            case.validate_response(reply, checks=CHECKS)
            seen.add(reply.status_code)
        assert seen == statuses
