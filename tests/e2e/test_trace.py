"""One trace from the request to the webhook's 2xx: the timeline, the spans, and that neither says what a mail says."""

from __future__ import annotations

import json
import secrets
import ssl
from typing import Any

import trustme

from deploy.local.parts import SERVICES
from shared.telemetry import names
from tests.e2e.account import Account, fresh
from tests.e2e.records import all_records
from tests.fixtures.deployment import eventually
from tests.fixtures.scripted_smtp import Close, ScriptedServer, closed_port

SERVICE_NAMES = {f"posthorn-{name}" for name in ("ingest", "router", "suppression", "sender", "webhooks")}


async def spans_of(account: Account, trace_id: str, *needed: str) -> list[dict[str, Any]]:
    """The spans of a trace, as soon as all services and what is needed, kinds of span or their ids, are among them and
    none is missing."""

    async def there() -> list[dict[str, Any]] | None:
        spans = (await account.receiver.get(f"/traces/{trace_id}")).json()
        names, services = {span["name"].split()[0] for span in spans}, {span["service"] for span in spans}
        ids = {span["span_id"] for span in spans}
        whole = sum(span["parent_span_id"] not in ids for span in spans) == 1
        return spans if whole and set(needed) <= names | ids and services >= SERVICE_NAMES else None

    return await eventually(there, seconds=30, what=f"the spans of {trace_id}")  # type: ignore[return-value]


async def test_the_timeline_shows_every_stage_and_every_attempt(routed: Account) -> None:
    name, endpoint = await routed.hook("email.delivered")
    smart = await routed.transport(routed.stack.ports["sink_smtp"], name="second")
    await routed.route("direct", smart["id"])
    recipient = fresh("ok")
    (message_id,) = await routed.send(recipient)
    await routed.reaches(message_id, "delivered")
    await routed.hooked(name, 1, message_id)

    async def hooked() -> list[dict[str, Any]] | None:
        hooks = await routed.steps(message_id, "webhook")
        return [hook for hook in hooks if hook["endpoint_id"] == endpoint["id"]]

    (hook,) = await eventually(hooked, what="the webhook in the timeline") or ()
    assert (hook["event_type"], hook["attempt"], hook["status"], hook["ok"]) == ("email.delivered", 1, 200, True)
    timeline = await routed.trace(message_id)
    told = [entry for entry in timeline if entry["step"] != "webhook"]
    assert [entry["step"] for entry in told] == ["accepted", "published", "routed", "checked", "attempt"]
    assert sum(entry["ms_since_previous"] for entry in timeline) == timeline[-1]["ms"]
    _, _, decided, checked, attempt = told
    taken, lost = decided["candidates"]
    assert (taken["transport"], taken.get("lost")) == ("direct", None)
    assert (lost["transport"], lost["lost"]) == (smart["id"], "a transport before it in the failover order was taken")
    assert (checked["verdict"], checked["by"]) == ("send", "suppression")
    said = {step["stage"]: step for step in attempt["transcript"]}
    assert said["rcpt"]["sent"] == f"RCPT TO:<{recipient}>"
    assert (attempt["event"], attempt["code"], said["dot"]["code"]) == ("delivered", 250, 250)
    assert '"v":' not in json.dumps(timeline)


async def test_the_timeline_shows_what_was_said_where_a_connection_failed_and_where_it_was_encrypted(
    routed: Account,
) -> None:
    certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("mx.test").configure_cert(certificate)
    with closed_port() as port:
        taken = {"DOT": Close("250 2.0.0 taken")}
        async with ScriptedServer(taken, extensions=("STARTTLS", "PIPELINING"), tls=certificate) as server:
            away, there = await routed.transport(port, "away"), await routed.transport(server.port, "there")
            await routed.route(away["id"], there["id"])
            (message_id,) = await routed.send(fresh("ok"))
            await routed.reaches(message_id, "sent")
            failed, relayed = await routed.steps(message_id, "attempt")
    assert (failed["event"], failed["stage"], failed["class"]) == ("deferred", "connect", "route_down")
    (dialled,) = failed["transcript"]
    assert dialled["sent"] == f"127.0.0.1 [127.0.0.1]:{port}"
    assert dialled["reply"].startswith("(connection refused")
    assert dialled["ms"] >= 0
    assert (relayed["event"], relayed["attempt"]) == ("relayed", 1)  # what could not be dialled was no attempt
    assert relayed["tls"]["version"] in ("TLSv1.2", "TLSv1.3")
    stages = [step["stage"] for step in relayed["transcript"]]
    assert stages == ["connect", "banner", "ehlo", "starttls", "ehlo", "mail", "rcpt", "data", "body", "dot"]
    assert all(step["ms"] >= 0 for step in relayed["transcript"])
    assert set(relayed["timings"]) == set(stages)


async def test_the_spans_of_a_message_are_one_tree_under_the_callers_own(account: Account) -> None:
    name, _ = await account.hook("email.delivered")
    trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)
    headers = {"traceparent": f"00-{trace_id}-{caller}-01"}
    (message_id,) = await account.send(fresh("ok"), headers=headers)
    await account.reaches(message_id, "delivered")
    (webhook,) = await account.hooked(name, 1, message_id)
    posting = webhook["headers"]["traceparent"].split("-")[2]
    spans = await spans_of(account, trace_id, "POST", "smtp.deliver", posting)
    by_id = {span["span_id"]: span for span in spans}
    (root,) = (span for span in spans if span["parent_span_id"] not in by_id)
    assert (root["name"], root["service"], root["parent_span_id"]) == ("POST /v1/emails", "posthorn-ingest", caller)
    assert all(_reaches(span, root, by_id) for span in spans)
    (smtp,) = (span for span in spans if span["name"] == "smtp.deliver")
    assert (smtp["service"], smtp["kind"], smtp["attributes"]["mail.message_id"]) == (
        "posthorn-sender", "client", message_id,
    )  # fmt: skip
    posted = by_id[posting]
    assert (posted["service"], posted["kind"], posted["trace_id"]) == ("posthorn-webhooks", "client", trace_id)
    assert posted["name"] == "POST"
    known = {value for name, value in vars(names).items() if name.isupper()}
    assert {name for span in spans for name in span["attributes"]} <= known
    assert {span["name"].split()[0] for span in spans} == {"POST", "send", "process", "smtp.deliver"}
    assert _reaches(posted, smtp, by_id)  # the webhook goes on from the attempt that it tells of
    assert (await account.get(f"/v1/emails/{message_id}/trace"))["trace_id"] == trace_id


async def test_without_a_caller_a_message_has_a_trace_of_its_own(account: Account) -> None:
    (message_id,) = await account.send(fresh("ok"))
    await account.reaches(message_id, "delivered")
    trace_id = (await account.email(message_id))["trace_id"]
    spans = await spans_of(account, trace_id, "POST", "smtp.deliver")
    assert [span["name"] for span in spans if span["parent_span_id"] is None] == ["POST /v1/emails"]


async def test_what_a_mail_says_is_nowhere_but_in_the_mail(account: Account) -> None:
    name, _ = await account.hook("email.accepted", "email.deferred", "email.delivered")
    subject, body = (f"{word}{secrets.token_hex(6)}" for word in ("subject", "body"))
    recipient, trace_id = fresh("defer-once"), secrets.token_hex(16)
    (message_id,) = await account.send(
        recipient,
        subject=subject,
        text=body,
        html=f"<p>{body}</p>",
        headers={"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"},
    )
    await account.reaches(message_id, "delivered")
    (kept,) = await account.mail(recipient)
    assert subject in kept["raw"]
    assert body in kept["raw"]
    webhooks = await account.hooked(name, 3, message_id)
    posts = [webhook["headers"]["traceparent"].split("-")[2] for webhook in webhooks]
    spans = await spans_of(account, trace_id, "POST", "smtp.deliver", *posts)
    records = [record for record in await all_records(account.stack) if message_id.encode() in (record.value or b"")]
    logs = {part.name: account.stack.log_file(part.name).read_text() for part in SERVICES}
    assert len(records) >= 9  # accepted, due, twice routed and cleared, two events, the webhooks' own
    places = {"webhooks": json.dumps(webhooks), "spans": json.dumps(spans), "records": str(records), **logs}
    for place, text in places.items():
        assert subject not in text, place
        assert body not in text, place
    local_part = recipient.partition("@")[0]
    assert not [place for place, text in {**logs, "spans": places["spans"]}.items() if local_part in text]


async def test_every_line_of_a_services_log_is_json(account: Account) -> None:
    for part in SERVICES:
        for line in account.stack.log_file(part.name).read_text().splitlines():
            entry = json.loads(line)
            assert entry["service"]
            assert {"level", "timestamp", "event"} <= entry.keys(), line


def _reaches(span: dict[str, Any], root: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> bool:
    """Whether the way up from a span leads to `root`."""
    while span is not root and span["parent_span_id"] in by_id:
        span = by_id[span["parent_span_id"]]
    return span is root
