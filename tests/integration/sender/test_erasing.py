"""The sender's part in erasures: what waits is canceled, what has ended is redacted, and nothing comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.sender.store.deliveries import Deliveries
from services.sender.store.returns import Returns
from shared.contracts.commands import Command, CommandType
from shared.contracts.events import Event, EventType, event_of
from shared.contracts.messages import Verdict, VerdictKind
from shared.erasure import erased_address
from shared.mongo import erasures
from tests.fixtures.deployment import eventually
from tests.fixtures.erasures import an_erase, ask, confirmed
from tests.fixtures.grep import spellings, stored_with
from tests.integration.sender.patient_server import patient_server
from tests.integration.sender.return_door import ReturnWorld
from tests.integration.sender.world import World
from tests.unit.sender.returns.corpus import raw

QUICK = {"erasure_settle_seconds": 0.5, "sweep_seconds": 0.2, "retry_delays": [600], "standard_wait_ms": 10}
ANN, BOB = "tempfail+ann.person@sink.test", "tempfail+bob@sink.test"


async def test_what_waits_is_canceled_and_what_has_ended_keeps_codes_alone(world: World) -> None:
    deployment = world.deployment
    deferred, other = await world.message(ANN, metadata={"name": "Ann Person"}), await world.message(BOB)
    wait = Verdict(kind=VerdictKind.WAIT_UNTIL, by="router", checked_at=datetime.now(UTC), reason="configuration")
    wait = wait.with_changes(until=datetime.now(UTC) + timedelta(minutes=5))
    waiting = await world.message(ANN.upper(), verdict=wait, route=None)
    ended = await world.message("ok+ann.person@sink.test")
    async with world.sender(**QUICK):
        await world.clear(deferred, other, waiting, ended)
        await world.events(deferred, "deferred")
        await world.events(ended, "delivered")
        returns = Returns(deployment.database("sender"), deployment.database("content"))
        quoted = {"class": "invalid_recipient", "reply": f"550 <{ANN}> unknown", "oob": True}
        await returns.add(event_of(deferred, EventType.BOUNCED, datetime.now(UTC), quoted), datetime.now(UTC))

        first, second = (an_erase(deployment, each, "w1") for each in (ANN, "ok+ann.person@sink.test"))
        for erase in (first, second):
            await ask(deployment, erase)
        word = await confirmed(deployment, first, "sender")
        assert word.counts == {"deliveries": 2, "canceled": 2, "returns": 1}
        assert (await confirmed(deployment, second, "sender")).counts["deliveries"] == 1

        for message in (deferred, waiting):
            *_, canceled = await world.events(message, "canceled")
            assert canceled.data["reason"] == "erasure"
            assert (canceled.recipient, canceled.metadata) == (erased_address(first.address_hmac), {})
        told = Event.decode((await world.delivery(ended))["last_event"])
        assert (told.type, told.data["code"], told.data["reply"]) == ("delivered", 250, "")
        assert "transcript" not in told.data
        assert (await world.delivery(other))["state"] == "deferred"

        # what is read again, or comes late, neither goes out nor brings the person back
        late = await world.message(ANN, message_id=deferred.message_id[:-4] + "0000", accepted_at=deferred.accepted_at)
        now = datetime.now(UTC)
        await world.command(Command(command_id="c1", type=CommandType.CANCEL, occurred_at=now, message=late))
        later = await world.message(ANN, message_id=deferred.message_id[:-4] + "0001")
        await world.clear(later, deferred)
        *_, stopped = await world.events(later, "canceled")
        assert (stopped.data["reason"], stopped.recipient) == ("erasure", erased_address(first.address_hmac))
        await world.events(late, "canceled")
        await ask(deployment, first)
        assert (await confirmed(deployment, first, "sender", times=2)).counts == word.counts
    assert await world.attempts_at_sink(ANN) == 1
    assert await stored_with(deployment.client, deployment.prefix, spellings("ann.person", "Ann Person")) == []


async def test_a_delivery_that_somebody_holds_ends_before_its_service_confirms(world: World) -> None:
    deployment = world.deployment
    message = await world.message(ANN)
    async with world.sender(**QUICK):
        erase = an_erase(deployment, ANN, None)
        deliveries = Deliveries(deployment.database("sender"))
        until = datetime.now(UTC) + timedelta(minutes=5)
        held = {
            "_id": message.message_id, "workspace_id": "w1", "lane": "standard", "pass": 0, "attempt": 0,
            "ambiguous": 0, "address": erase.address_hmac, "record": message.encode(), "state": "leased",
            "destination": "direct|static:*.test", "lease": {"token": "t", "until": until}, "data_sent": 0,
        }  # fmt: skip
        await deliveries.insert([held])
        await ask(deployment, erase)

        async def ordered() -> bool:
            return "commanded" in await world.delivery(message)

        await eventually(ordered, what="the order to end it")
        known = deployment.database("sender")["known_erasures"]
        assert await known.count_documents({"ended_at": {"$exists": True}}) == 0
        await deliveries.collection.update_one({"_id": message.message_id}, {"$set": {"state": "deferred"}})
        assert (await confirmed(deployment, erase, "sender")).counts["canceled"] == 1
        assert (await world.delivery(message))["state"] == "ended"
    assert await stored_with(deployment.client, deployment.prefix, spellings("ann.person")) == []


async def test_an_outcome_that_comes_after_the_erasure_names_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasures, "FRESH_SECONDS", 0)
    deployment = world.deployment
    async with patient_server("DOT") as host, world.sender(**QUICK):
        message = await world.message(ANN, route=world.route(host.port))
        await world.clear(message)
        await host.is_asked()
        erase = an_erase(deployment, ANN, "w1")
        await ask(deployment, erase)

        async def heard() -> bool:
            return "commanded" in await world.delivery(message)

        await eventually(heard, what="the order to end it")
        host.told.set()
        (delivered,) = [each for each in await world.events(message, "delivered") if each.type == "delivered"]
        assert (delivered.recipient, delivered.data["reply"]) == (erased_address(erase.address_hmac), "")
        await confirmed(deployment, erase, "sender")
    assert await stored_with(deployment.client, deployment.prefix, spellings("ann.person")) == []


async def test_what_comes_back_after_the_erasure_is_not_quoted(world: World) -> None:
    returns, deployment = ReturnWorld(world), world.deployment
    async with returns.open(**QUICK):
        message = await returns.delivered("ok+ann.person@sink.test")
        erase = an_erase(deployment, message.recipient, "w1")
        await ask(deployment, erase)
        await confirmed(deployment, erase, "sender")
        assert await returns.bring(raw("postfix-unknown"), returns.bounce(message)) == "250"
        bounced = await returns.event(message, "bounced")
    assert (bounced.recipient, bounced.data["reply"]) == (erased_address(erase.address_hmac), "")
    assert (bounced.data["class"], bounced.data["hard"]) == ("invalid_recipient", True)
