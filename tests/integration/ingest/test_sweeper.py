"""The sweeper: what the read model does not show as ended, coming or stuck is published again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from services.ingest.projection.fold import fold
from services.ingest.store.messages import Messages
from shared.contracts.commands import Command, CommandType
from shared.contracts.events import EventType, event_of
from shared.contracts.messages import Message
from shared.contracts.topics import COMMANDS
from shared.kafka.dead_letter import text_headers
from shared.kafka.publish import REPEATED
from tests.fixtures.deployment import Deployment, eventually
from tests.integration.ingest.submitted import STANDARD, Works, ids_of, now, open_works, submission

SOON = {"sweep_first_seconds": 0.05, "sweep_longest_seconds": 0.4}


async def published(works: Works, document: dict[str, Any]) -> list[Message]:
    """Submits and publishes; returns the messages."""
    await works.submit(document)
    await works.publish_all()
    return [Message.decode(message["record"]) for message in document["messages"]]


async def tell(works: Works, message: Message, type_: EventType, **data: Any) -> None:
    event = event_of(message.with_changes(pass_=1), type_, now(), data)
    await Messages(works.base.database).write(fold([event]))


async def swept(works: Works) -> None:
    await eventually(works.sweeper.turn, seconds=5, what="a due submission")


async def test_only_silent_messages_go_to_the_relay_again(deployment: Deployment) -> None:
    async with open_works(deployment, **SOON) as works:
        document = submission(messages=6)
        ended, coming, overdue, stuck, queued, silent = await published(works, document)
        await tell(works, ended, EventType.DELIVERED)
        await tell(works, coming, EventType.DEFERRED, next_at=(now() + timedelta(hours=1)).isoformat())
        await tell(works, overdue, EventType.DEFERRED, next_at=(now() - timedelta(hours=1)).isoformat())
        await tell(works, stuck, EventType.STUCK)
        await tell(works, queued, EventType.QUEUED)
        await swept(works)
        stored = await works.stored(document)
        assert set(stored["pending"]) == {overdue.message_id, queued.message_id, silent.message_id}
        assert stored["sweeps"] == 1

        before = await works.published()
        await works.publish_all()
        again = await works.published(at_least=len(before) + 3)
        assert sorted(again) == sorted([*before, *stored["pending"]])
        records = await works.deployment.records(STANDARD)
        assert [REPEATED in text_headers(each) for each in records] == [False] * len(before) + [True] * 3


async def test_waits_double_up_to_the_longest(deployment: Deployment) -> None:
    async with open_works(deployment, **SOON) as works:
        document = submission()
        await works.submit(document)
        waits = []
        for _ in range(5):
            began = await database_time(works)
            await works.publish_all()
            stored = await works.stored(document)
            waits.append((stored["sweep_at"] - began).total_seconds())
            await swept(works)
        for wait, least in zip(waits, (0.05, 0.1, 0.2, 0.4, 0.4), strict=True):
            assert wait >= least - 0.002
        assert stored["sweeps"] == 4
        assert stored["published_at"] < began


async def database_time(works: Works) -> datetime:
    reply = await works.base.client.admin.command("hello")
    return reply["localTime"].replace(tzinfo=UTC)  # type: ignore[no-any-return]


async def test_a_submission_whose_messages_have_ended_is_closed(deployment: Deployment) -> None:
    async with open_works(deployment, **SOON) as works:
        document = submission(messages=2)
        messages = await published(works, document)
        for message, type_ in zip(messages, (EventType.RELAYED, EventType.SUPPRESSED), strict=True):
            await tell(works, message, type_)
        await swept(works)
        stored = await works.stored(document)
        assert "sweep_at" not in stored
        assert "pending" not in stored
        assert stored["purge_at"] == document["expires_at"] + timedelta(days=7)
        assert not await works.sweeper.turn()


async def test_a_stuck_message_is_let_be_until_it_expires_and_is_ended_then(deployment: Deployment) -> None:
    async with open_works(deployment, **SOON) as works:
        lasting, over = submission(), submission(expires_at=now() - timedelta(seconds=1))
        for document in (lasting, over):
            [message] = await published(works, document)
            await tell(works, message, EventType.STUCK)
        for document in (lasting, over):

            async def looked_at(document: dict[str, Any] = document) -> bool:
                await works.sweeper.turn()
                return bool((await works.stored(document))["sweeps"])

            await eventually(looked_at)
            assert "pending" not in await works.stored(document)
            assert (await works.stored(document))["sweep_at"]
        records = await deployment.records(COMMANDS, at_least=1)
        commands = [Command.decode(record.value) for record in records]
        assert {command.type for command in commands} == {CommandType.EXPIRE}
        assert {command.message.message_id for command in commands} == ids_of(over)
        assert len({command.command_id for command in commands}) == 1


async def test_two_sweepers_settle_a_submission_once(deployment: Deployment) -> None:
    async with open_works(deployment, **SOON) as works:
        document = submission()
        await published(works, document)

        async def due() -> list[dict[str, Any]]:
            return await works.store.due(now(), 10)

        [seen] = await eventually(due)
        heads: dict[str, Any] = {}
        sweep = works.sweeper._decide(seen, heads, now())
        await works.store.settle([(seen, sweep)])
        await works.publish_all()
        await works.store.settle([(seen, sweep)])  # what another one decided on the same reading
        stored = await works.stored(document)
        assert stored["sweeps"] == 1
        assert "pending" not in stored
