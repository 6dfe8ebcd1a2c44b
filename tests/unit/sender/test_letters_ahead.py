"""Letters are made before their turn comes: in order, a few at a time, and each once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.sender.arrivals import Held
from services.sender.mail.ahead import LARGEST_BYTES, MAKERS, MOST, LettersAhead
from services.sender.mail.letters import Letter
from services.sender.smtp.peers import Egress
from services.sender.smtp.transaction import Envelope
from services.sender.supplies import Supply
from shared.content import Content
from shared.contracts.messages import Message, TlsMode
from tests.fixtures.deployment import eventually
from tests.unit.ingest.lives import BEGAN, make_message

CONTENT = Content(
    content_id="c1", workspace_id="w1", from_="a@shop.test", subject="Your code", text="482910", expires_at=BEGAN
)
SUPPLY = Supply(CONTENT, Egress("t1", 1, (), TlsMode.DISABLED, "out.shop.test"))


class Desk:
    """Makes a letter whenever it is told to go on."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0
        self.go_on = asyncio.Event()

    async def of(self, message: Message, supply: Supply) -> Letter:
        self.asked.append(message.message_id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.go_on.wait()
        finally:
            self.at_once -= 1
        if "bad" in message.metadata:
            raise ValueError("cannot be made")
        return Letter(Envelope("", message.message_id, 1), b"")


def held(**changes: Any) -> Held:
    return Held(make_message(**changes), "token", "direct|x", 0, 0, None)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def ahead(desk: Desk) -> LettersAhead:
    return LettersAhead(desk)  # type: ignore[arg-type]


async def test_a_letter_that_was_made_is_there_for_who_comes_for_it(desk: Desk, ahead: LettersAhead) -> None:
    one = held()
    desk.go_on.set()
    ahead.prepare(one, SUPPLY)
    await asyncio.sleep(0)
    letter = await ahead.of(one, SUPPLY)
    assert letter.envelope.rcpt_to == one.id
    assert desk.asked == [one.id]


async def test_they_are_made_in_order_a_few_at_a_time_and_not_too_many(desk: Desk, ahead: LettersAhead) -> None:
    many = [held() for _ in range(MOST + 5)]
    for each in many:
        ahead.prepare(each, SUPPLY)
    await asyncio.sleep(0)
    assert desk.asked == [each.id for each in many[:MAKERS]]
    desk.go_on.set()

    async def full() -> bool:
        return len(desk.asked) == MOST and not desk.at_once

    await eventually(full)
    assert desk.asked == [each.id for each in many[:MOST]]
    assert desk.most_at_once == MAKERS
    await ahead.of(many[0], SUPPLY)

    async def one_more() -> bool:
        return desk.asked[MOST:] == [many[MOST].id]

    await eventually(one_more)


async def test_who_comes_before_its_turn_waits_for_nobody(desk: Desk, ahead: LettersAhead) -> None:
    many = [held() for _ in range(MAKERS + 1)]
    for each in many:
        ahead.prepare(each, SUPPLY)
    coming = asyncio.create_task(ahead.of(many[-1], SUPPLY))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert desk.asked.count(many[-1].id) == 1
    desk.go_on.set()
    assert (await coming).envelope.rcpt_to == many[-1].id
    assert sorted(desk.asked) == sorted(each.id for each in many)


async def test_what_goes_wrong_is_told_to_who_comes(desk: Desk, ahead: LettersAhead) -> None:
    bad = held(metadata={"bad": "yes"})
    desk.go_on.set()
    ahead.prepare(bad, SUPPLY)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match="cannot be made"):
        await ahead.of(bad, SUPPLY)


async def test_what_is_forgotten_is_not_made(desk: Desk, ahead: LettersAhead) -> None:
    many = [held() for _ in range(MAKERS + 2)]
    for each in many:
        ahead.prepare(each, SUPPLY)
    await asyncio.sleep(0)
    ahead.forget(many[-1])
    ahead.forget(many[0])

    async def next_one() -> bool:
        return many[-2].id in desk.asked

    await eventually(next_one)
    assert many[-1].id not in desk.asked
    assert desk.at_once == MAKERS


async def test_nothing_is_made_of_what_is_large_or_cannot_go(desk: Desk, ahead: LettersAhead) -> None:
    ahead.prepare(held(size=LARGEST_BYTES + 1), SUPPLY)
    ahead.prepare(held(), Supply(behind="domain"))
    await asyncio.sleep(0)
    assert not desk.asked
