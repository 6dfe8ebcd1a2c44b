"""The send route against what fits no document: never a 5xx, always a shape."""

from __future__ import annotations

import json

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

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
