"""Mail that comes back becomes an event of the message that it is about, once, on real SMTP, MongoDB and Kafka."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.sender.store.deliveries import COLLECTION as DELIVERIES
from shared.content import CHUNK_BYTES, ContentStore
from shared.contracts.entities import Kind
from shared.contracts.events import Event
from shared.mongo.outbox import unpublished
from tests.integration.sender.return_door import DOMAIN, FEEDBACK, ReturnWorld, told
from tests.integration.sender.world import World
from tests.unit.sender.returns.corpus import raw

OWN_RULE = """
[[rule]]
example = "550 5.1.1 unknown"
id = "own"
provider = "static:*.test"
enhanced = "X.1.1"
class = "policy_auth"
"""


@pytest.fixture
def returns(world: World) -> ReturnWorld:
    return ReturnWorld(world)


def counted(type_: str, result: str) -> float:
    return REGISTRY.get_sample_value("posthorn_returns_total", {"type": type_, "result": result}) or 0


async def test_a_bounce_that_comes_by_mail_is_told_once(returns: ReturnWorld) -> None:
    async with returns.open():
        message = await returns.delivered()
        (kept,) = await returns.world.at_sink("ok@sink.test")
        assert kept["sender"] == returns.bounce(message)
        repeated = counted("StatusReport", "repeated")
        dsn = raw("postfix-unknown")
        for received in (b"", b"Received: from relay.test by mx.test; now\r\n"):
            assert await returns.bring(received + dsn, kept["sender"].upper().replace("POSTHORN", "posthorn")) == "250"
        bounced = await returns.event(message, "bounced")
    assert (bounced.data["oob"], bounced.data["class"], bounced.data["hard"]) == (True, "invalid_recipient", True)
    assert (bounced.recipient, bounced.workspace_id, bounced.attempt) == (message.recipient, "w1", 1)
    (delivered,) = [one for one in await returns.world.events(message) if one.type == "delivered"]
    assert bounced.sequence > delivered.sequence  # the status is bounced from now on
    assert await returns.records_of(message, "bounced") == 1
    assert len(await told(returns, 1)) == 1
    assert counted("StatusReport", "repeated") == repeated + 1


async def test_a_bounce_that_comes_by_mail_is_judged_by_the_operators_rules(
    returns: ReturnWorld, tmp_path: Path
) -> None:
    file = tmp_path / "rules.toml"
    await asyncio.to_thread(file.write_text, OWN_RULE)
    async with returns.open(bounce_rules_file=str(file)):
        message = await returns.delivered()
        await returns.bring(raw("postfix-unknown"), returns.bounce(message))
        bounced = await returns.event(message, "bounced")
    assert (bounced.data["rule"], bounced.data["class"]) == ("own", "policy_auth")


async def test_what_comes_back_is_told_for_what_it_is(returns: ReturnWorld) -> None:
    async with returns.open():
        message = await returns.delivered()
        verp = returns.bounce(message)
        for name, to, sender in (
            ("postfix-delayed", verp, ""),
            ("gmail-vacation", verp, "jane@gmail.example"),
            ("mdn-displayed", verp, ""),
            ("arf-yahoo", FEEDBACK, "feedback@arf.mail.yahoo.example"),
            ("arf-not-spam", FEEDBACK.upper(), "feedback@fbl.provider.example"),
        ):
            assert await returns.bring(raw(name, verp), to, sender=sender) == "250", name
        events = await returns.world.events(message, "reported", "auto_reply", "read", "complained")
        await told(returns, 5)
    noted = {event.data.get("action") for event in events if event.type == "reported"}
    assert noted == {"delayed", "not_spam"}
    (complained,) = (event for event in events if event.type == "complained")
    assert complained.data == {"feedback_type": "abuse", "reported_by": "Yahoo!-Mail-Feedback/2.0"}


async def test_what_is_unknown_or_too_old_or_too_much_is_taken_and_forgotten(returns: ReturnWorld) -> None:
    async with returns.open(returns_most=2):
        message, old = await returns.delivered(), await returns.delivered()
        foreign = (await returns.world.message()).message_id
        ages = Event.decode((await returns.world.delivery(old))["last_event"])
        ages = ages.with_changes(occurred_at=datetime.now(UTC) - timedelta(days=30, seconds=1))
        await returns.deployment.database("sender")[DELIVERIES].update_one(
            {"_id": old.message_id}, {"$set": {"last_event": ages.encode()}}
        )
        before = {each: counted("StatusReport", each) for each in ("unknown", "expired", "too_many")}
        unheard = returns.bounce(message.with_changes(message_id=foreign))
        for address in (unheard, returns.bounce(old)):
            assert await returns.bring(raw("postfix-unknown"), address) == "250"
        for name in ("postfix-unknown", "postfix-delayed", "gmail-unknown"):
            assert await returns.bring(raw(name), returns.bounce(message)) == "250"
        assert len(await told(returns, 2)) == 2
    assert {each: counted("StatusReport", each) - count for each, count in before.items()} == {
        "unknown": 1, "expired": 1, "too_many": 1,
    }  # fmt: skip


async def test_a_reply_is_kept_and_named_by_its_event(returns: ReturnWorld) -> None:
    async with returns.open():
        message = await returns.delivered(replies=True, reply_to="Help <help@acme.example>")
        (kept,) = await returns.world.at_sink("ok@sink.test")
        assert f"Reply-To: Help <{returns.reply(message)}>" in " ".join(kept["raw"].split())
        large = raw("reply-gmail").replace(b"--0000000000009d--", b"x" * 76 + b"\r\n--0000000000009d--", 1)
        large = large.replace(b"x" * 76, b"\r\n".join([b"x" * 76] * 20_000))
        replies = [raw("reply-gmail"), large]
        for reply in replies:
            assert await returns.bring(reply, returns.reply(message), sender="jane@gmail.example") == "250"
        await told(returns, 2)
        events = [one for one in await returns.world.events(message, "replied") if one.type == "replied"]
    contents = await ContentStore(returns.deployment.database("content")).load(
        event.data["content_id"] for event in events
    )
    assert {content.raw.data for content in contents.values() if content.raw} == set(replies)
    for content in contents.values():
        assert content.raw is not None
        assert content.raw.data is not None
        assert (content.to, content.workspace_id) == (["Help <help@acme.example>"], "w1")
        assert content.raw.digest == sha256(content.raw.data).hexdigest()
        assert content.raw.chunks == (-(-len(large) // CHUNK_BYTES) if content.raw.data == large else 0)
        assert content.expires_at > datetime.now(UTC) + timedelta(days=7)
    assert not any(b"does not work" in document["event"] for document in await returns.stored())


async def test_a_machine_s_answer_to_a_reply_address_is_no_reply(returns: ReturnWorld) -> None:
    async with returns.open():
        message = await returns.delivered(replies=True)
        notice, person = raw("exchange-out-of-office"), raw("reply-gmail")
        assert await returns.bring(notice, returns.reply(message), sender="jane@corp.example") == "250"
        assert await returns.bring(person, returns.reply(message)) == "250"  # by the null path
        await told(returns, 2)
        events = await returns.world.events(message, "auto_reply")
    assert {str(event.type) for event in events} == {"delivered", "auto_reply"}


async def test_replies_that_cannot_be_passed_on_are_refused(returns: ReturnWorld) -> None:
    async with returns.open(returns_reply_bytes=64 * 1024, returns_most=1):
        message, untracked = await returns.delivered(replies=True), await returns.delivered()
        address, person = returns.reply(message), raw("reply-gmail")
        circle = b"Received: from a.test by b.test\r\n" * 51 + person

        async def bring(reply: bytes, to: str = address) -> str:
            return await returns.bring(reply, to, sender="jane@gmail.example")

        assert await bring(circle) == "554 5.4.6"
        assert await bring(person + b"x" * 70_000) == "552 5.3.4"
        assert await bring(person.replace(b"It does", b"\0It does")) == "550 5.6.0"
        assert await bring(person + b"y" * 1200) == "550 5.6.0"
        unheard = message.with_changes(message_id=untracked.submission_id)
        for nobody in (returns.reply(untracked), returns.reply(unheard)):
            assert await bring(person, nobody) == "550 5.1.1"
        assert await returns.stored() == []
        assert await bring(person) == "250"
        assert await bring(person.replace(b"I give up", b"I try again")) == "550 5.1.1"


async def test_an_event_that_kafka_did_not_take_is_published_by_the_sweep(returns: ReturnWorld) -> None:
    async with returns.open():
        message = await returns.delivered()
        assert await returns.bring(raw("postfix-unknown"), returns.bounce(message)) == "250"
        (document,) = await told(returns, 1)
        mark = unpublished(datetime.now(UTC) - timedelta(minutes=1))
        await returns.deployment.database("sender")["returns"].update_one(
            {"_id": document["_id"]}, {"$set": {"unpublished": mark}}
        )
        await told(returns, 1)
        assert await returns.records_of(message, "bounced") == 2  # the same event: receivers know it by its id


async def test_a_report_over_the_bound_is_read_as_far_as_it_goes(returns: ReturnWorld) -> None:
    async with returns.open(returns_report_bytes=64 * 1024):
        message = await returns.delivered()
        long = raw("postfix-unknown") + b"\r\n".join([b"x" * 76] * 2000) + b"\r\n"
        assert await returns.bring(long, returns.bounce(message)) == "250"
        assert (await returns.event(message, "bounced")).data["class"] == "invalid_recipient"


async def test_the_domain_s_own_return_path_is_used_where_it_is_verified(returns: ReturnWorld) -> None:
    world = returns.world
    entities = world.deployment.database("sender")["domains"]
    data: dict[str, Any] = (await entities.find_one({"_id": "d1"}))["data"]
    async with returns.open():
        await world.know(Kind.DOMAIN, "d1", data | {"return_path": "bounce.acme.example"}, "w1", version=2)
        message = await returns.delivered()
        assert (await world.at_sink("ok@sink.test"))[0]["sender"].endswith("@bounce.acme.example")
        other = await returns.delivered("ok+2@sink.test")
        assert await returns.bring(raw("postfix-unknown"), returns.bounce(other)) == "250"
        own = returns.bounce(message).replace(DOMAIN, "bounce.acme.example")
        assert await returns.bring(raw("postfix-unknown"), own) == "250"
        await returns.event(message, "bounced")
    async with returns.open(returns_domain=None):
        await world.know(Kind.DOMAIN, "d1", data, "w1", version=3)
        await returns.delivered("ok+3@sink.test")
        assert (await world.at_sink("ok+3@sink.test"))[0]["sender"] == "no-reply@acme.example"
