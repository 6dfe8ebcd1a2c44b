"""Attempts at deliveries: compose, sign, converse, mark before the dot."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from services.sender.arrivals import Held
from services.sender.mail.ahead import LettersAhead
from services.sender.own_faults import unbuildable
from services.sender.queue.active import ActiveHolds
from services.sender.smtp.attempt import attempt
from services.sender.smtp.behind import Behind
from services.sender.smtp.connections import Connections
from services.sender.smtp.outcomes import Abandoned, Outcome
from services.sender.smtp.transaction import AfterDot, Transaction
from services.sender.supplies import Supply
from shared.content import ContentGoneError
from shared.failpoints import reach

Mark = Callable[[Held], Awaitable[bool]]


class Attempts:
    """Makes attempts. `mark` makes the data-sent mark durable; False means that the dot must not leave."""

    def __init__(self, connections: Connections, letters: LettersAhead, holds: ActiveHolds, mark: Mark) -> None:
        self._connections = connections
        self._letters = letters
        self._holds = holds
        self._mark = mark

    async def make(self, held: Held, supply: Supply, pass_on: AfterDot, behind: Behind | None) -> Outcome | Abandoned:
        """One attempt, for a supply with a way out; raises ContentGoneError and ContentUnreadableError for a content
        that cannot be read now.

        `pass_on` says which other goes on behind it when its dot has left; it begins in the place `behind` another.
        """
        if supply.content is None:
            return unbuildable("content_gone", "the content has expired or was erased")
        assert supply.egress is not None
        try:
            letter = await self._letters.of(held, supply)
        except ContentGoneError as error:
            return unbuildable("content_gone", str(error))
        except ValueError as error:
            return unbuildable("cannot_be_built", str(error))
        held.answers_to = letter.answers_to
        transaction = Transaction(
            letter.envelope,
            letter.data,
            before_dot=lambda: self._before_dot(held),
            after_dot=lambda connection: pass_on(connection) if self._connections.may_be_followed(connection) else None,
            behind=behind,
        )
        return await attempt(self._connections, supply.egress, transaction)

    def leave(self, behind: Behind) -> None:
        """Gives a place up that no attempt has come for."""
        self._connections.leave(behind)

    async def _before_dot(self, held: Held) -> bool:
        safe_until = held.safe_until  # what is renewed meanwhile may be somebody else's by then
        hold = self._holds.of(held.message)
        if (hold is not None and not hold.ends) or not await self._mark(held):
            return False
        reach("sender.marked")
        if time.monotonic() >= safe_until:
            # stalled since: others may have taken the delivery for sent, and sent it again
            return False
        held.marked = True
        return True
