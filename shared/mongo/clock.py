"""The database's clock, for what is inserted: an insert cannot say `$$NOW`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from motor.motor_asyncio import AsyncIOMotorDatabase


class DatabaseClock:
    """This process's clock set by the database's: `sync` at the start and with every renewal of leases."""

    def __init__(self, database: AsyncIOMotorDatabase) -> None:
        self._database = database
        self._ahead: timedelta | None = None
        self._unsure = timedelta()

    async def sync(self) -> None:
        """Measures how far the database's clock is ahead, to half a round trip."""
        asked = datetime.now(UTC)
        reply = await self._database.client.admin.command("hello")
        self._unsure = (datetime.now(UTC) - asked) / 2
        self._ahead = reply["localTime"].replace(tzinfo=UTC) - (asked + self._unsure)

    async def current(self) -> datetime:
        """The database's time; asks for it where `sync` has not been called yet."""
        if self._ahead is None:
            await self.sync()
        assert self._ahead is not None
        return datetime.now(UTC) + self._ahead

    def estimate(self) -> datetime:
        """The database's time as far as it is known without asking."""
        return datetime.now(UTC) + (self._ahead or timedelta())

    async def earliest(self) -> datetime:
        """The least that the database's time can be: what is due by it is not early, however slow the reply was."""
        return await self.current() - self._unsure
