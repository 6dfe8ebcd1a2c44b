"""What Leadpush's marketing page claims (https://leadpush.io/features/transactional-email), each by a query."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from typing import Any

import httpx
from aiokafka import ConsumerRecord

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.leadpush_client import arrived, domain_of, leadpush
from tests.e2e.records import all_records
from tests.e2e.returned import COMPLAINTS, bring, shows
from tests.e2e.returned import arrived as mail_arrived
from tests.fixtures.deployment import eventually
from tests.unit.sender.returns.corpus import raw


async def listed(account: Account, **filters: str) -> list[str]:
    """The ids that the log finds."""
    reply = await account.http.get("/v1/emails", params=filters)
    assert reply.status_code == 200, reply.text
    return [message["uuid"] for message in reply.json()["data"]]


async def test_the_library_rest_and_smtp_all_lead_to_the_recipient(account: Account) -> None:
    by_library, by_rest, by_smtp = (fresh("ok") for _ in range(3))
    async with leadpush(account) as client:
        await client.emails.send(from_address=account.sender, subject="Library", text="1", to=[by_library])
    async with httpx.AsyncClient() as plain:
        reply = await plain.post(
            f"{account.home['base_url']}/v1/workspaces/{account.home['workspace']}/emails",
            headers={"Authorization": f"Bearer {account.home['api_key']}"},
            json={"from": account.sender, "to": [by_rest], "subject": "Rest", "html": "<p>Your code is 482910</p>"},
        )
    assert reply.status_code == 202
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = account.sender, by_smtp, "Mailer"
    message.set_content("482910")

    def mail_as_before() -> None:
        smtp, context = account.home["smtp"], ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with smtplib.SMTP(smtp["host"], smtp["port"], timeout=20) as mailer:
            mailer.starttls(context=context)
            mailer.login(smtp["user"], smtp["password"])
            mailer.send_message(message)

    await asyncio.to_thread(mail_as_before)
    subjects = [(await arrived(account, to))["subject"] for to in (by_library, by_rest, by_smtp)]
    assert subjects == ["Library", "Rest", "Mailer"]


async def test_a_message_is_traced_from_its_request_to_the_reply_and_the_webhook(account: Account) -> None:
    name, endpoint = await account.hook("email.delivered")
    (message_id,) = await account.send(fresh("ok"), subject="Your code")
    await account.hooked(name, 1, message_id)

    async def hooked() -> bool:
        return any(hook["endpoint_id"] == endpoint["id"] for hook in await account.steps(message_id, "webhook"))

    await eventually(hooked, what="the webhook in the trace")
    trace = await account.get(f"/v1/emails/{message_id}/trace")
    steps = [entry["step"] for entry in trace["data"] if entry["step"] != "webhook"]
    assert steps == ["accepted", "published", "routed", "checked", "attempt"]
    (attempt,) = (entry for entry in trace["data"] if entry["step"] == "attempt")
    assert (attempt["event"], attempt["code"]) == ("delivered", 250)
    assert attempt["reply"]
    (hook,) = (entry for entry in trace["data"] if entry.get("endpoint_id") == endpoint["id"])
    assert (hook["step"], hook["status"], hook["ok"]) == ("webhook", 200, True)
    assert trace["trace_id"] == (await account.email(message_id))["trace_id"]
    assert (await account.get(f"/v1/emails/{message_id}/content"))["subject"] == "Your code"


async def test_a_complaint_has_a_time_and_stops_the_address(account: Account) -> None:
    (id_,) = await account.send(recipient := fresh("ok"))
    await account.reaches(id_, "delivered")
    kept, _ = await mail_arrived(account, recipient)
    await bring(account, raw("arf-abuse", kept["sender"]), COMPLAINTS)
    shown = await shows(account, id_, "complained_at")
    assert shown["delivered_at"] < shown["complained_at"]
    (complained,) = await account.steps(id_, "complained")
    assert complained["data"]["feedback_type"] == "abuse"

    async def entry_of() -> str | None:
        async with leadpush(account) as client:
            found = await client.suppressions.list(search=recipient)
        return str(found.data[0].type) if found.data else None

    assert await eventually(entry_of, what=f"the suppression of {recipient}") == "complaint"


async def test_each_named_stage_has_a_time_and_can_be_searched(account: Account) -> None:
    suppressed = fresh("ok")
    async with leadpush(account) as client:
        entry = await client.suppressions.create(email=suppressed)
    recipients = (fresh("ok"), fresh("defer-once"), fresh("permfail"), suppressed)
    ids = await account.send(*recipients, tags=[fresh("stages")])
    ends = ("delivered", "delivered", "bounced", "suppressed")
    shown = [await account.reaches(id_, end) for id_, end in zip(ids, ends, strict=True)]
    delivered, deferred, bounced, stopped = shown
    for email in shown:
        assert email["accepted_at"] <= email[f"{email['status']}_at"]
    assert delivered["accepted_at"] <= delivered["published_at"] <= delivered["delivered_at"]
    assert deferred["deferred_at"] <= deferred["delivered_at"]
    assert (bounced["last_reply"]["code"], bounced["last_reply"]["hard"]) == (550, True)
    (hit,) = await account.steps(stopped["uuid"], "checked")
    assert (hit["verdict"], hit["evidence"]["suppression_id"]) == ("suppressed", entry.uuid)
    for email in shown:
        assert await listed(account, tag=email["tags"][0], status=email["status"], recipient=email["recipient"]) == [
            email["uuid"]
        ]
    assert set(await listed(account, tag=delivered["tags"][0])) == set(ids)


async def test_a_waiting_message_shows_its_state_its_reason_and_its_next_attempt(account: Account) -> None:
    (message_id,) = await account.send(fresh("tempfail"))

    async def tried_twice() -> dict[str, Any] | None:
        email = await account.email(message_id)
        waits = email["status"] == "deferred" and email["attempts"] >= 2 and email["next_attempt_at"]
        return email if waits else None

    email = await eventually(tried_twice, seconds=30, what="a second attempt")
    assert email is not None
    assert (email["last_reply"]["code"], email["last_reply"]["enhanced"]) == (451, "4.3.0")
    attempts = await account.steps(message_id, "attempt")
    assert [attempt["attempt"] for attempt in attempts] == list(range(1, len(attempts) + 1))
    assert message_id in await listed(account, status="deferred", recipient=email["recipient"])
    assert (await account.http.delete(f"/v1/emails/{message_id}")).status_code == 202
    await account.reaches(message_id, "canceled")


async def test_a_burst_is_taken_whole_and_delivered(account: Account) -> None:
    recipients = [fresh("ok") for _ in range(60)]
    sent = await asyncio.gather(*(account.send(to) for to in recipients))
    for (id_,) in sent:
        await account.reaches(id_, "delivered", seconds=60)
    assert [await account.deliveries_to(to) for to in recipients] == [1] * 60


async def test_routing_decisions_are_in_view(routed: Account) -> None:
    smart = await routed.transport(routed.stack.ports["sink_smtp"], name="second way")
    await routed.route("direct", smart["id"])
    (message_id,) = await routed.send(fresh("ok"))
    email = await routed.reaches(message_id, "delivered")
    assert (email["route"]["transport"], email["route"]["kind"], email["route"]["rule"]) == (
        "direct", "direct", "default",
    )  # fmt: skip
    (decided,) = await routed.steps(message_id, "routed")
    taken, passed_over = decided["candidates"]
    assert (taken["transport"], taken.get("lost")) == ("direct", None)
    assert (passed_over["transport"], bool(passed_over["lost"])) == (smart["id"], True)
    assert decided["inputs"]


async def test_suppressions_and_the_sender_s_health_are_told(account: Account) -> None:
    refused = fresh("permfail")
    (first,) = await account.send(refused)
    await account.reaches(first, "bounced")

    async def learned() -> bool:
        return (await account.http.get("/v1/suppressions", params={"search": refused})).json()["meta"]["total"] == 1

    await eventually(learned, what="the suppression that the bounce taught")
    (second,) = await account.send(refused)
    await account.reaches(second, "suppressed")
    (checked,) = await account.steps(second, "checked")
    assert (checked["reason"], checked["evidence"]["message_id"]) == ("hard_bounce", first)
    domain = await domain_of(account)
    assert (domain["verified"], domain["verification"], domain["lost_since"]) == (True, "completed", None)
    assert [key["state"] for key in domain["dkim"]] == ["active"]
    assert {"is_valid", "problem", "warning"} <= domain["dns"][0].keys()


async def test_the_four_categories_are_streams_of_which_two_go_first(account: Account) -> None:
    tag = fresh("streams")
    ids = {}
    for stream in ("authentication", "security", "billing", "product"):
        (ids[stream],) = await account.send(fresh("ok"), stream=stream, tags=[tag])
    for stream, id_ in ids.items():
        assert (await account.reaches(id_, "delivered"))["stream"] == stream
        assert await listed(account, tag=tag, stream=stream) == [id_]
    topics = {record.key.decode(): record.topic for record in await all_records(account.stack) if is_accepted(record)}
    lanes = {stream: topics[id_].rpartition(".")[2] for stream, id_ in ids.items()}
    assert lanes == {"authentication": "critical", "security": "critical", "billing": "standard", "product": "standard"}


def is_accepted(record: ConsumerRecord) -> bool:
    return ".accepted." in record.topic and not record.topic.endswith(".dlq")
