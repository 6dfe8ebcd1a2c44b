"""One transaction behind another: its MAIL, RCPT and DATA leave while the reply to the final dot before them is due.

That is explicitly allowed (RFC 2920 section 3.1): a message costs a kept connection one round trip instead of two.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from services.sender.smtp.connection import Connection

PATIENCE_SECONDS = 5.0


@dataclass(eq=False)
class Behind:
    """The place behind a transaction whose final dot has left, for one other.

    `before` is the connection as that transaction knows it, `connection` as the other does: the same bytes, and
    transcripts of their own. Whoever is the last of the two gives the connection back. The other has `taken` the place,
    or has left it before the transaction there ended.
    """

    before: Connection
    connection: Connection = field(init=False)
    taken: bool = False
    is_left: bool = False
    ended_well: bool = False
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _said: bool = False

    def __post_init__(self) -> None:
        self.connection = self.before.another()
        self.connection.behind = self

    @property
    def is_over(self) -> bool:
        """Whether the transaction before has ended."""
        return self._over.is_set()

    def over(self, *, well: bool) -> bool:
        """The transaction before has ended, `well` with a reply after which others go on; True where nobody stands
        behind it, and it gives the connection back."""
        self.ended_well = well
        self._over.set()
        return self.is_left

    def take(self) -> Connection:
        """The other has come for its connection, and gives it back unless it leaves."""
        self.taken = True
        return self.connection

    def said(self) -> None:
        """Commands have left: their replies come behind the one that is still due."""
        self._said = True

    def leave(self) -> None:
        """Gives the place up before the transaction there has ended, which then gives the connection back.

        What has been said leaves replies behind that nobody reads: the connection is not used again then.
        """
        if self._said:
            self.before.doom()
        self.is_left = True

    async def wait(self) -> bool:
        """Waits until the transaction before has ended, but not long: another connection may be free meanwhile."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), PATIENCE_SECONDS)
        return self.is_over
