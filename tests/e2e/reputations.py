"""A sending domain that its recipients have complained of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.e2e.account import Account, fresh, make_home, open_account
from tests.e2e.returned import COMPLAINTS, arrived, bring
from tests.fixtures.deployment import eventually
from tests.unit.sender.returns.corpus import raw

ACCEPTED, COMPLAINED = 100, 3  # what a domain is judged by at least: together they are ten times 0.3 %
AT_ONCE = 25


@asynccontextmanager
async def complained_of(account: Account) -> AsyncIterator[Account]:
    """A workspace whose domain 3 % of its recipients have complained of."""
    home = make_home(account.stack)
    async with open_account(account.stack, home) as there:
        to = [fresh("ok") for _ in range(ACCEPTED)]
        ids: list[str] = []
        for first in range(0, ACCEPTED, AT_ONCE):
            ids += await there.send(*to[first : first + AT_ONCE])
        for message_id in ids:
            await there.reaches(message_id, "delivered", seconds=60)
        assert not await reputation(there) - {"good"}
        for recipient in to[:COMPLAINED]:
            kept, _ = await arrived(there, recipient)
            await bring(there, raw("arf-abuse", kept["sender"]), COMPLAINTS)

        async def is_poor() -> bool:
            return await reputation(there) == {"poor"}

        await eventually(is_poor, seconds=60, what="a poor reputation")
        yield there


async def reputation(account: Account) -> set[str]:
    return {each["reputation"] for each in (await account.get("/v1/sender-health"))["data"]}
