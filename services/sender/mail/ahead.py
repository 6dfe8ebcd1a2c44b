"""Letters that are made before their turn comes: a host that is ready for its next message does not wait for RSA."""

from __future__ import annotations

import asyncio

from services.sender.arrivals import Held
from services.sender.mail.letters import Letter, Letters
from services.sender.supplies import Supply

MAKERS = 2  # a third would take time from what the hosts wait for
MOST, LARGEST_BYTES = 64, 64 * 1024

Claim = tuple[str, str]


class LettersAhead:
    """Makes the letters of deliveries that wait for a connection: in the order in which they came, MAKERS at a time, no
    more than MOST that nobody has come for, and none of a message of over LARGEST_BYTES."""

    def __init__(self, letters: Letters) -> None:
        self._letters = letters
        self._waiting: dict[Claim, tuple[Held, Supply]] = {}
        self._made: dict[Claim, asyncio.Task[Letter]] = {}
        self._making = 0

    def prepare(self, held: Held, supply: Supply) -> None:
        """Has the letter of a claimed delivery made, if there is anything to make it of."""
        if supply.content is not None and supply.egress is not None and held.message.size <= LARGEST_BYTES:
            self._waiting[_claim(held)] = held, supply
            self._go_on()

    async def of(self, held: Held, supply: Supply) -> Letter:
        """The letter, made by now or made now. Raises what `MailMaker.make` does."""
        self._waiting.pop(_claim(held), None)
        made = self._made.pop(_claim(held), None)
        self._go_on()
        return await (made or self._letters.of(held.message, supply))

    def forget(self, held: Held) -> None:
        """The delivery is not this process's any more, or has been made."""
        self._waiting.pop(_claim(held), None)
        if (made := self._made.pop(_claim(held), None)) is not None:
            made.cancel()

    def _go_on(self) -> None:
        while self._waiting and self._making < MAKERS and len(self._made) < MOST:
            claim = next(iter(self._waiting))
            held, supply = self._waiting.pop(claim)
            self._made[claim] = making = asyncio.create_task(self._letters.of(held.message, supply))
            self._making += 1
            making.add_done_callback(self._ended)

    def _ended(self, making: asyncio.Task[Letter]) -> None:
        self._making -= 1
        if not making.cancelled():
            making.exception()  # told to whoever asks for the letter, if anybody does
        self._go_on()


def _claim(held: Held) -> Claim:
    return held.token, held.id
