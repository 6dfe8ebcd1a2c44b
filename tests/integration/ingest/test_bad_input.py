"""Every bad request: its status, its code, the field of each fault, and nothing stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contracts.entities import Kind
from shared.tokens import new_api_key
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.ingest.conftest import DOMAIN, SENDER, Door, make_workspace, open_door, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


def assert_problem(reply: Any, status: int, code: str, *pointers: str) -> None:
    """The reply is a problem (RFC 9457) with this status and code, and names these faults and no others."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert set(problem) >= MEMBERS
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] == reply.headers["x-request-id"]
    assert {fault["pointer"] for fault in problem.get("errors", [])} == set(pointers)
    assert all(fault["code"] and fault["detail"].endswith(".") for fault in problem.get("errors", []))


INVALID: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("nothing", dict.fromkeys(send(), ...), dict.fromkeys(("from", "subject", "html", "text", "to"), "required")),
    ("required null", {"from": None, "subject": None}, {"from": "required", "subject": "required"}),
    ("blank", {"from": " ", "subject": " "}, {"from": "required", "subject": "required"}),
    ("no body", {"html": ""}, {"html": "required", "text": "required"}),
    ("no recipient", {"to": []}, {"to": "required"}),
    ("from is no address", {"from": "not-an-address"}, {"from": "invalid_address"}),
    ("from of a stranger", {"from": "me@elsewhere.test"}, {"from": "sender_not_verified"}),
    ("from of a subdomain", {"from": f"me@sub.{DOMAIN}"}, {"from": "sender_not_verified"}),
    ("from with a line break", {"from": f"A\r\nBcc: x@y.test <{SENDER}>"}, {"from": "invalid_address"}),
    ("from with two", {"from": f"{SENDER}, b@{DOMAIN}"}, {"from": "invalid_address"}),
    ("to is a string", {"to": "known@example.test"}, {"to": "wrong_type"}),
    ("to holds others", {"to": ["a@b.test", 5, True, None, {}]}, dict.fromkeys(
        ("to/1", "to/2", "to/3", "to/4"), "wrong_type")),
    ("each bad address", {"to": ["a@b.test", "bad"], "cc": ["@"], "bcc": ["a@b"]}, dict.fromkeys(
        ("to/1", "cc/0", "bcc/0"), "invalid_address")),
    ("recipient with a line break", {"to": ["a@b.test\r\nRCPT TO:<x@y.test>"]}, {"to/0": "invalid_address"}),
    ("utf-8 local part", {"to": ["ü@example.test"]}, {"to/0": "invalid_address"}),
    ("no coercion", {"subject": 1, "html": True, "reply_to": 1.5}, dict.fromkeys(
        ("subject", "html", "reply_to"), "wrong_type")),
    ("subject with a line break", {"subject": "a\r\nBcc: x@y.test"}, {"subject": "line_break"}),
    ("subject too long", {"subject": "a" * 999}, {"subject": "too_long"}),
    ("reply_to", {"reply_to": "a\n <a@b.test>"}, {"reply_to": "invalid_address"}),
    ("headers is an array", {"headers": ["X-A: 1"]}, {"headers": "wrong_type"}),
    ("header value", {"headers": {"X-A": 1, "X-B": None, "X-C": ["a"]}}, dict.fromkeys(
        ("headers/X-A", "headers/X-B", "headers/X-C"), "wrong_type")),
    ("header names", {"headers": dict.fromkeys(("X A", "X_A", "", "X:", "Ä", "X\r\nBcc"), "1")}, dict.fromkeys(
        ("headers/X A", "headers/X_A", "headers/", "headers/X:", "headers/Ä", "headers/X\r\nBcc"),
        "invalid_header_name")),
    ("header line breaks", {"headers": {"X-A": "a\nb", "X-B": "a\rb", "X-C": "a\0b"}}, dict.fromkeys(
        ("headers/X-A", "headers/X-B", "headers/X-C"), "line_break")),
    ("header twice", {"headers": {"X-A": "1", "x-a": "2"}}, {"headers/x-a": "duplicate_header"}),
    ("header too long", {"headers": {"X-A": "a" * 998}}, {"headers/X-A": "too_long"}),
    ("auto-submitted", {"headers": {"Auto-Submitted": "maybe"}}, {"headers/Auto-Submitted": "invalid_value"}),
    ("too many headers", {"headers": {f"X-{n}": "1" for n in range(51)}}, {"headers": "too_many"}),
    ("empty tags", {"tags": ["", "a\n"], "headers": {"X-Leadpush-Tag": '""'}}, {
        "tags/0": "required", "tags/1": "line_break", "headers/X-Leadpush-Tag": "required"}),
    ("tags", {"tags": [str(n) for n in range(21)]}, {"tags": "too_many"}),
    ("metadata", {"metadata": {"a.b": "1", "$x": "1", "ok": 1}}, {
        "metadata/a.b": "invalid_name", "metadata/$x": "invalid_name", "metadata/ok": "wrong_type"}),
    ("stream", {"stream": "marketing"}, {"stream": "invalid_choice"}),
    ("on_ambiguous", {"on_ambiguous": True}, {"on_ambiguous": "invalid_choice"}),
    ("expires_at", {"expires_at": "tomorrow"}, {"expires_at": "invalid_time"}),
    ("expires_at without offset", {"expires_at": "2999-01-01T00:00:00"}, {"expires_at": "invalid_time"}),
    ("expires_at is past", {"expires_at": "2020-01-01T00:00:00Z"}, {"expires_at": "in_the_past"}),
    ("expires_at is far", {"expires_at": "2999-01-01T00:00:00Z"}, {"expires_at": "too_late"}),
    ("unknown fields", {"campaign": "x", "files": [], "a/b": 1, "From": "x"}, dict.fromkeys(
        ("campaign", "files", "a~1b", "From"), "unknown_field")),
    ("all at once", {"from": 1, "subject": "a\n", "html": "", "to": ["x", 2], "foo": 1, "headers": {"To": "x", "X": 3}},
     {"from": "wrong_type", "subject": "line_break", "html": "required", "text": "required", "to/0": "invalid_address",
      "to/1": "wrong_type", "foo": "unknown_field", "headers/To": "reserved_header", "headers/X": "wrong_type"}),
]  # fmt: skip


async def test_every_fault_is_named_by_its_field_and_nothing_is_stored(tenant: Door) -> None:
    for what, changes, expected in INVALID:
        reply = await tenant.post(send(**changes))
        assert reply.status_code == 422, (what, reply.text)
        assert_problem(reply, 422, "invalid_request", *(f"#/{place}" for place in expected))
        found = {fault["pointer"].removeprefix("#/"): fault["code"] for fault in reply.json()["errors"]}
        assert found == expected, what
    assert await tenant.nothing_stored()


@pytest.mark.parametrize("body", [[], "text", 1, None])
async def test_a_body_that_is_no_object(tenant: Door, body: Any) -> None:
    import orjson

    reply = await tenant.post(content=orjson.dumps(body), headers={"content-type": "application/json"})
    assert_problem(reply, 422, "invalid_request", "#")


RESERVED = (
    "From", "To", "Cc", "Bcc", "Reply-To", "Subject", "Sender", "Date", "Message-ID", "Return-Path", "Received",
    "DKIM-Signature", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "ARC-Seal",
    "Authentication-Results", "Feedback-ID", "X-Leadpush-Tracking", "X-Leadpush-Anything", "X-Posthorn-Stream",
)  # fmt: skip


async def test_reserved_headers_are_refused_in_any_case(tenant: Door) -> None:
    for change in (str, str.upper, str.lower):
        names = [change(name) for name in RESERVED]
        reply = await tenant.post(send(headers=dict.fromkeys(names, "x")))
        assert_problem(reply, 422, "invalid_request", *(f"#/headers/{name}" for name in names))
        assert {fault["code"] for fault in reply.json()["errors"]} == {"reserved_header"}
    assert await tenant.nothing_stored()


async def test_recipients_are_capped_by_the_workspace_over_all_lists(tenant: Door) -> None:
    addresses = [f"r{number}@example.test" for number in range(51)]
    reply = await tenant.post(send(to=addresses[:25], cc=addresses[25:26], bcc=addresses[26:]))
    assert_problem(reply, 422, "invalid_request", "#/to", "#/cc", "#/bcc")
    assert reply.json()["errors"][0]["code"] == "too_many_recipients"
    assert_problem(await tenant.post(send(to=["x"] * 100_000)), 422, "invalid_request", "#/to")
    assert await tenant.nothing_stored()
    assert (await tenant.post(send(to=[*addresses[:50], "R1@example.test"]))).status_code == 202


@pytest.mark.parametrize(
    ("content_type", "more"),
    [
        (None, {}),
        ("text/plain", {}),
        ("application/x-www-form-urlencoded", {}),
        ("application/json; charset=latin-1", {}),
        ("application/json", {"content-encoding": "gzip"}),
    ],
)
async def test_what_is_not_plain_json_is_415(tenant: Door, content_type: str | None, more: dict[str, str]) -> None:
    headers = {**({"content-type": content_type} if content_type else {}), **more}
    reply = await tenant.post(content=b"{}", headers=headers)
    assert reply.status_code == 415
    assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":}', b'{"subject":"\xff"}', b'{"subject":"\\ud800"}', b"[" * 9999])
async def test_malformed_json_is_400(tenant: Door, body: bytes) -> None:
    reply = await tenant.post(content=body, headers={"content-type": "application/json"})
    assert_problem(reply, 400, "malformed_json")


async def test_extras_over_32_kib_are_413_with_their_fields(tenant: Door) -> None:
    reply = await tenant.post(send(metadata={"a": "x" * 20_000}, headers={f"X-{n}": "y" * 900 for n in range(15)}))
    assert_problem(reply, 413, "too_large", "#/headers", "#/metadata")
    # what takes more once it is escaped counts as it travels
    assert_problem(await tenant.post(send(metadata={"a": "\x01" * 6_000})), 413, "too_large", "#/metadata")
    # where anything else is wrong, all of it is told as faults
    reply = await tenant.post(send(metadata={"a": "x" * 40_000}, subject=""))
    assert_problem(reply, 422, "invalid_request", "#/metadata", "#/subject")
    assert await tenant.nothing_stored()


async def test_a_message_over_the_workspaces_size_is_413(tenant: Door) -> None:
    workspace, key = await make_workspace(tenant.workspaces, max_message_bytes=10_000)
    await tenant.workspaces.create_domain(workspace.id, DOMAIN, verified=True)
    tenant.workspace, tenant.key = workspace, key
    assert_problem(await tenant.post(send(html="x" * 8_000)), 413, "too_large", "#/html")
    assert await tenant.nothing_stored()
    assert (await tenant.post(send(html="x" * 6_000))).status_code == 202


async def test_a_message_over_what_is_stored_whole_is_413(tenant: Door) -> None:
    assert_problem(await tenant.post(send(html="x" * (15 * 1024 * 1024))), 413, "too_large", "#/html")
    # just under the limit on the bodies, and over the one on the document they stand in
    just_over = send(html="x" * (15 * 1024 * 1024 - 200))
    assert_problem(await tenant.post(just_over), 413, "too_large", "#")
    assert await tenant.nothing_stored()


async def test_a_body_over_the_cap_is_413_with_and_without_a_length(deployment: Deployment) -> None:
    async with open_door(deployment, max_body_bytes=2048) as door:
        taken = 0

        async def endless() -> Any:
            nonlocal taken
            while True:
                taken += 1
                yield b'{"subject": "' if taken == 1 else b"x" * 1024

        headers = {"content-type": "application/json"}
        assert_problem(await door.post(content=b"x" * 4096, headers=headers), 413, "too_large")
        assert_problem(await door.post(content=endless(), headers=headers), 413, "too_large")
        assert taken < 10
        assert await door.nothing_stored()


@pytest.mark.parametrize("key", ["", " ", '""', "a b", '"a b"', "ä".encode(), "x" * 256, "\x7f"])
async def test_a_malformed_idempotency_key_is_400(tenant: Door, key: str | bytes) -> None:
    reply = await tenant.post(send(), headers={"idempotency-key": key})
    assert_problem(reply, 400, "invalid_idempotency_key")
    assert await tenant.nothing_stored()


async def test_the_gates_stand_in_their_order(tenant: Door) -> None:
    """Each refusal is met with everything that a later gate would refuse."""
    bad = {"subject": 1}
    cramped, _ = await make_workspace(tenant.workspaces, features=[], owner_verified=False)
    unverified, _ = await make_workspace(tenant.workspaces, owner_verified=False)
    expired = await tenant.workspaces.create_api_key(
        cramped.id, "expired", [], expires_at=datetime.now(UTC) - timedelta(seconds=1)
    )
    narrow = (await tenant.workspaces.create_api_key(cramped.id, "narrow", ["email.history"])).secret
    cramped_key = (await tenant.workspaces.create_api_key(cramped.id, "all")).secret
    unverified_key = (await tenant.workspaces.create_api_key(unverified.id, "all")).secret
    elsewhere = f"/v1/workspaces/{tenant.workspace.id}/emails"

    async def post(key: str | None, path: str = "/v1/emails") -> Any:
        return await tenant.http.post(path, json=bad, headers={"Authorization": f"Bearer {key}"} if key else {})

    for key in (None, "x", new_api_key(), expired.secret):
        reply = await post(key, elsewhere)
        assert_problem(reply, 401, "key_expired" if key == expired.secret else "unauthorized")
        assert reply.headers["www-authenticate"].startswith("Bearer")
    assert_problem(await post(narrow, elsewhere), 404, "not_found")
    assert_problem(await post(narrow), 403, "missing_scope")
    reply = await post(cramped_key)
    assert_problem(reply, 403, "upgrade_needed")
    assert (reply.json()["error"], reply.json()["feature"]) == ("upgrade_needed", "smtp.enabled")
    reply = await post(unverified_key)
    assert_problem(reply, 403, "email_verification_required")
    assert reply.json()["error"] == "email_verification_required"
    assert_problem(await post(tenant.key), 422, "invalid_request", "#/subject", "#/from", "#/html", "#/text", "#/to")
    assert await tenant.nothing_stored()


async def test_a_revoked_key_stops_at_once(tenant: Door) -> None:
    assert (await tenant.post(send())).status_code == 202
    entities = tenant.workspaces._entities
    [key] = await entities.find(Kind.API_KEY, {"workspace_id": tenant.workspace.id})
    await entities.put(Kind.API_KEY, key.id, key.workspace_id, key.data, deleted=True)

    async def refused() -> bool:
        return (await tenant.post(send())).status_code == 401

    await eventually(refused, seconds=5)


async def test_errors_of_the_routing_have_the_same_shape(tenant: Door) -> None:
    auth = {"Authorization": f"Bearer {tenant.key}"}
    assert_problem(await tenant.http.put("/v1/emails", headers=auth), 405, "method_not_allowed")
    assert_problem(await tenant.http.post("/v1/nothing", headers=auth), 404, "not_found")
