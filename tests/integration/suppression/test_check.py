"""The check: batches, both scopes, verdicts of others, expiry, and failing closed."""

from datetime import UTC, datetime, timedelta

from prometheus_client import REGISTRY

from services.suppression.rules import Place, Reason
from shared.contracts.events import Event, EventType
from shared.contracts.messages import Verdict, VerdictKind
from shared.contracts.record import MAX_RECORD_BYTES
from shared.contracts.topics import EVENTS, Lane, dead_letters, routed
from tests.fixtures.deployment import eventually
from tests.fixtures.messages import a_message
from tests.fixtures.wire import Wire
from tests.integration.suppression.conftest import Suppressing

FOR_GOOD = None


async def suppress(suppressing: Suppressing, place: Place, address: str, reason: Reason = Reason.MANUAL) -> None:
    await suppressing.store.add(place, address, reason, None, FOR_GOOD)


async def test_a_batch_is_checked_against_both_scopes(suppressing: Suppressing) -> None:
    await suppress(suppressing, Place("w1"), "stopped@b.example")
    await suppress(suppressing, Place(), "banned@b.example")
    await suppress(suppressing, Place("w2"), "elsewhere@b.example")
    await suppress(suppressing, Place(), "both@b.example", Reason.MANUAL)
    await suppress(suppressing, Place("w1"), "both@b.example", Reason.COMPLAINT)
    messages = [
        a_message(address)
        for address in (
            "fine@b.example", "Stopped@b.example", "banned@b.example", "elsewhere@b.example", "both@b.example",
        )
    ]  # fmt: skip
    async with suppressing.running("check"):
        await suppressing.publish(routed(Lane.STANDARD), *messages)
        passed = await suppressing.cleared(at_least=5)
    found = {address: (m.verdict.kind, m.verdict.reason, m.verdict.scope) for address, m in passed.items() if m.verdict}
    assert found == {
        "fine@b.example": (VerdictKind.SEND, None, None),
        "Stopped@b.example": (VerdictKind.SUPPRESSED, "manual", "workspace:w1"),
        "banned@b.example": (VerdictKind.SUPPRESSED, "manual", "platform"),
        "elsewhere@b.example": (VerdictKind.SEND, None, None),
        "both@b.example": (VerdictKind.SUPPRESSED, "manual", "platform"),
    }
    assert all(m.seen.checked and m.verdict and m.verdict.checked_at == m.seen.checked for m in passed.values())


async def test_the_rest_of_the_message_passes_as_it_came(suppressing: Suppressing) -> None:
    message = a_message("fine@b.example", tags=["t"], metadata={"k": "v"}, lane=Lane.CRITICAL, pass_=3, attempt=2)
    async with suppressing.running("check"):
        trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
        record = (message.message_id, message.encode(), {"traceparent": trace})
        await suppressing.deployment.publish(routed(Lane.CRITICAL), [record])
        found = (await suppressing.deployment.records("mail.cleared.critical", 1))[0]
    passed = type(message).decode(found.value)
    assert found.key.decode() == message.message_id
    assert dict(found.headers)["traceparent"].decode().split("-")[1] == "a" * 32
    same = type(message).decode(message.encode())
    assert passed.with_changes(verdict=None, seen=same.seen) == same


async def test_a_verdict_of_the_router_passes_unchanged(suppressing: Suppressing) -> None:
    await suppress(suppressing, Place("w1"), "stopped@b.example")
    until = datetime(2030, 1, 1, tzinfo=UTC)
    verdict = Verdict(kind=VerdictKind.WAIT_UNTIL, reason="configuration", until=until, by="router", checked_at=until)
    async with suppressing.running("check"):
        await suppressing.publish(routed(Lane.STANDARD), a_message("stopped@b.example", verdict=verdict))
        passed = (await suppressing.cleared())["stopped@b.example"]
    assert passed.verdict == verdict
    assert passed.seen.checked is not None


async def test_what_has_expired_does_not_count_and_is_not_sent(suppressing: Suppressing) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    await suppressing.store.add(Place("w1"), "back@b.example", Reason.HARD_BOUNCE, None, timedelta(milliseconds=1))
    late = a_message("late@b.example", expires_at=past)
    async with suppressing.running("check"):
        await suppressing.publish(routed(Lane.STANDARD), a_message("back@b.example"), late)
        passed = await suppressing.cleared(at_least=2)
    assert [passed[a].verdict.kind for a in ("back@b.example", "late@b.example")] == ["send", "expired"]  # type: ignore[union-attr]


async def test_it_fails_closed(suppressing: Suppressing) -> None:
    """While the database cannot be asked nothing passes; when it answers again the same records are checked."""
    await suppress(suppressing, Place("w1"), "stopped@b.example")
    wire = Wire(suppressing.settings.mongo_url)
    wire.cut = True
    async with wire.open(), suppressing.running("check", mongo_url=wire.url):
        await suppressing.publish(routed(Lane.STANDARD), a_message("stopped@b.example"), a_message("fine@b.example"))

        async def paused() -> bool:
            return (
                REGISTRY.get_sample_value("posthorn_consumer_paused", {"consumer": "suppression.check.standard"}) == 1
            )

        await eventually(paused, what="the check waits for the database")
        assert await suppressing.cleared(at_least=0) == {}
        wire.restore()
        passed = await suppressing.cleared(at_least=2)
    assert passed["stopped@b.example"].verdict.kind is VerdictKind.SUPPRESSED  # type: ignore[union-attr]
    assert passed["fine@b.example"].verdict.kind is VerdictKind.SEND  # type: ignore[union-attr]


async def test_an_undecodable_record_is_dead_lettered_and_the_next_is_checked(suppressing: Suppressing) -> None:
    broken = ("m-broken", b'{"message_id": 7}', {"x": "y"})
    message = a_message("fine@b.example")
    async with suppressing.running("check"):
        await suppressing.deployment.publish(
            routed(Lane.STANDARD), [broken, (message.message_id, message.encode(), {})]
        )
        await suppressing.cleared(at_least=1)
        letter = (await suppressing.deployment.records(dead_letters(routed(Lane.STANDARD)), 1))[0]
    headers = {name: value.decode() for name, value in letter.headers}
    assert (letter.key, letter.value, headers["x"]) == (b"m-broken", broken[1], "y")
    assert headers["dlq.reason"] == "undecodable"
    assert headers["dlq.origin"] == f"{routed(Lane.STANDARD)}/0/0"


async def test_a_record_that_grows_too_large_does_not_stop_its_neighbour(
    suppressing: Suppressing,
) -> None:
    small = a_message("big@b.example", metadata={"k": ""})
    filled = small.with_changes(metadata={"k": "x" * (MAX_RECORD_BYTES - len(small.encode()))})
    assert len(filled.encode()) == MAX_RECORD_BYTES
    async with suppressing.running("check"):
        await suppressing.publish(routed(Lane.STANDARD), filled, a_message("fine@b.example"))
        assert set(await suppressing.cleared(at_least=1)) == {"fine@b.example"}
        (letter,) = await suppressing.deployment.records(dead_letters(routed(Lane.STANDARD)), 1)
    assert letter.value == filled.encode()


async def test_a_message_whose_handling_fails_is_stuck(suppressing: Suppressing) -> None:
    """A fault of the record's own (here an entry that cannot be read) stops that message alone."""
    await suppress(suppressing, Place("w1"), "torn@b.example")
    collection = suppressing.deployment.database("suppression")["suppressions"]
    await collection.update_one({}, {"$set": {"standing.reason": "unheard-of"}})
    torn = a_message("torn@b.example")
    async with suppressing.running("check"):
        await suppressing.publish(routed(Lane.STANDARD), torn, a_message("fine@b.example"))
        assert set(await suppressing.cleared(at_least=1)) == {"fine@b.example"}
        (stuck,) = [Event.decode(record.value) for record in await suppressing.deployment.records(EVENTS, 1)]
    assert (stuck.type, stuck.message_id) == (EventType.STUCK, torn.message_id)
    assert stuck.data["topic"] == routed(Lane.STANDARD)
