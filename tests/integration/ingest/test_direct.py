"""What is answered without FastAPI's layers is answered as with them."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.ingest.conftest import SENDER, Door

BODY = {"from": SENDER, "to": ["jane@example.test"], "subject": "Your code", "text": "482910"}
REQUESTS = {
    "accepted": {"json": BODY},
    "no key": {"json": BODY, "headers": {"Authorization": ""}},
    "faults": {"json": {"from": SENDER, "subject": ""}},
    "no JSON": {"content": b"{", "headers": {"Content-Type": "application/json"}},
    "form": {"data": {"from": SENDER}},
    "too large": {"content": b"{}", "headers": {"Content-Type": "application/json", "Content-Length": "99999999999"}},
}
OWN = {"uuid", "instance", "request_id"}


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_direct_route_answers_as_the_route_that_describes_it(door: Door, name: str) -> None:
    key = {"Authorization": f"Bearer {door.key}"}
    asked = {**REQUESTS[name], "headers": {**key, "X-Request-Id": "request-1", **REQUESTS[name].get("headers", {})}}
    assert ("POST", "/v1/emails") in door.api.direct
    direct = await door.http.post("/v1/emails", **asked)
    layered = await door.http.post(f"/v1/workspaces/{door.workspace.id}/emails", **asked)
    assert direct.status_code == layered.status_code
    assert _without_counts(direct.headers) == _without_counts(layered.headers)
    assert direct.headers["x-request-id"] == "request-1"
    assert _without_own(direct.json()) == _without_own(layered.json())


def _without_counts(headers: httpx.Headers) -> dict[str, str]:
    """What is left of a rate limit differs from request to request."""
    assert ("ratelimit" in headers) == ("ratelimit-policy" in headers)
    return {name: value for name, value in headers.items() if name not in ("content-length", "ratelimit")}


def _without_own(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_own(each) for name, each in value.items() if name not in OWN}
    return [_without_own(each) for each in value] if isinstance(value, list) else value


async def test_another_method_on_its_path_is_not_direct(door: Door) -> None:
    reply = await door.http.delete("/v1/emails", headers={"Authorization": f"Bearer {door.key}"})
    assert reply.status_code == 405
    assert reply.json()["code"] == "method_not_allowed"
