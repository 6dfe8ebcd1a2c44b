"""Delivers what this process has claimed: lines of deliveries before the slots of each destination."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from types import TracebackType

import structlog

from services.sender.arrivals import Held
from services.sender.delivery import Delivery
from services.sender.endings import Endings
from services.sender.rules import Settled
from services.sender.settings import Settings
from services.sender.slots import Slots
from services.sender.store.claims import Claims
from services.sender.store.deliveries import Deliveries
from services.sender.supplies import Supplies, Supply
from shared.contracts.topics import Lane
from shared.kafka.faults import is_infrastructure
from shared.telemetry import metrics

log = structlog.get_logger(__name__)
CLAIM_SECONDS, SCAN_SECONDS = 0.1, 1.0
RECORD_PAUSE = 0.5


class Dispatcher:
    """An async context that owns the conversations. Leaving it begins nothing new, waits for those under way, and gives
    back what has not begun: nothing after a final dot is cut."""

    def __init__(
        self,
        settings: Settings,
        slots: Slots,
        supplies: Supplies,
        delivery: Delivery,
        endings: Endings,
        deliveries: Deliveries,
        claims: Claims,
    ) -> None:
        self._settings = settings
        self._slots = slots
        self._supplies = supplies
        self._delivery = delivery
        self._endings = endings
        self._deliveries = deliveries
        self._claims = claims
        self.held: dict[str, Held] = {}
        self._supply: dict[str, Supply] = {}
        self._bytes = 0
        self._running = 0
        self._stalled: dict[str, None] = {}
        self._behind: dict[tuple[Lane, str], str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Dispatcher:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._wake.set()
        left = [held for line in self._slots.lines.values() for held in line.empty()]
        with suppress(Exception):
            await self._let_go(left)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._settings.shutdown_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        with suppress(Exception):
            await self._slots.let_go()

    def room(self, destination: str, lane: Lane) -> int:
        """How many more deliveries of a destination this process takes now."""
        if self._closing.is_set() or self._bytes > self._settings.held_bytes:
            return 0
        line = self._slots.line(destination)
        most = line.slots * self._settings.held_per_connection
        if lane is Lane.STANDARD:
            most = line.standard_slots * self._settings.held_per_connection
        return max(0, most - line.in_use - line.queued)

    def is_behind(self, destination: str, lane: Lane) -> bool:
        """Whether others wait in the database for this destination, whom no newcomer passes."""
        return (lane, destination) in self._behind

    def left_behind(self, waiting: Collection[tuple[Lane, str]]) -> None:
        """Says for which destinations deliveries wait in the database."""
        for key in waiting:
            self._behind.setdefault(key, "")
        self._wake.set()

    async def take(self, claimed: Sequence[Held]) -> None:
        """Takes claimed deliveries and begins those that may begin."""
        if not claimed:
            return
        for held in claimed:
            self.held[held.id] = held
            self._bytes += held.message.size
        try:
            supplies = await self._supplies.fetch(claimed)
        except BaseException:
            # what is not renewed any more is claimed again when the leases have run out
            self._forget(claimed)
            raise
        for held, supply in zip(claimed, supplies, strict=True):
            self._supply[held.id] = supply
            self._slots.line(held.destination).add(held)
        for destination in {held.destination for held in claimed}:
            self._begin(destination)

    async def claim(self, stopping: asyncio.Event) -> None:
        """Claims what waits in the database until the process stops: at once while there is more and room for it."""
        scanned = 0.0
        while not stopping.is_set() and not self._closing.is_set():
            if time.monotonic() - scanned > SCAN_SECONDS:
                scanned = time.monotonic()
                await self._scan()
            if await self._claim_behind():
                continue
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), CLAIM_SECONDS)

    async def renew(self) -> None:
        """Renews the leases of everything held, and the slots."""
        await self._deliveries.renew({held.id: held.token for held in self.held.values()}, self._settings.lease_seconds)
        await self._slots.renew()
        for destination in list(self._slots.lines):
            self._begin(destination)

    async def _scan(self) -> None:
        for lane in Lane:
            self.left_behind([(lane, destination) for destination in await self._claims.waiting(str(lane))])

    async def _claim_behind(self) -> int:
        if not self._behind:
            return 0
        limits = await self._supplies.limits({destination for _, destination in self._behind})
        await self._slots.ensure({destination: (limit, limit) for destination, limit in limits.items()})
        taken = await asyncio.gather(*(self._claim_one(*key) for key in sorted(self._behind)))
        return sum(taken)

    async def _claim_one(self, lane: Lane, destination: str) -> int:
        room = self.room(destination, lane)
        if not room:
            return 0
        key = (lane, destination)
        documents, more, after = await self._claims.take(str(lane), destination, room, self._behind[key])
        if more:
            self._behind[key] = after
        else:
            self._behind.pop(key, None)
        await self.take([Held.of(document) for document in documents])
        return len(documents)

    def _begin(self, destination: str) -> None:
        """Begins what may begin of a destination; what finds the process full begins when another one has ended."""
        if self._closing.is_set():
            return
        line = self._slots.line(destination)
        most = self._settings.max_in_flight
        while self._running < most:
            held = line.next(standard=self._running < most - max(1, most // 5))
            if held is None:
                break
            self._running += 1
            held.began = time.monotonic()
            task = asyncio.create_task(self._run(held, self._supply.pop(held.id)), name=f"deliver-{held.id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if line.queued and line.in_use < line.slots:
            self._stalled[destination] = None

    async def _run(self, held: Held, supply: Supply) -> None:
        line = self._slots.line(held.destination)
        metrics.IN_FLIGHT.labels("sender").inc()
        settled: Settled | None = None
        trace: str | None = None
        try:
            settled, trace = await self._delivery.deliver(held, supply)
        finally:
            metrics.IN_FLIGHT.labels("sender").dec()
            self._running -= 1
            line.ended(held)
            self._begin(held.destination)
            stalled, self._stalled = self._stalled, {}
            for destination in stalled:
                self._begin(destination)
        try:
            if settled is None:
                await self._let_go([held])
            else:
                await self._record(held, settled, trace)
        finally:
            self._forget([held])
        if (held.lane, held.destination) in self._behind:
            self._wake.set()

    async def _record(self, held: Held, settled: Settled, trace: str | None) -> None:
        """Records the outcome, however long MongoDB is away: an outcome that is forgotten becomes a second delivery."""
        while True:
            try:
                if not await self._endings.record(held, settled, trace):
                    log.warning("outcome of a lost lease", message_id=held.id, state=settled.state)
                return
            except Exception as error:
                if self._closing.is_set() or not is_infrastructure(error):
                    raise
                log.warning("outcome waits for the database", message_id=held.id, error=type(error).__name__)
                await asyncio.sleep(RECORD_PAUSE)

    async def _let_go(self, deliveries: Sequence[Held]) -> None:
        await self._deliveries.give_back({held.id: held.token for held in deliveries})
        self._forget(deliveries)

    def _forget(self, deliveries: Sequence[Held]) -> None:
        for held in deliveries:
            if self.held.pop(held.id, None) is not None:
                self._bytes -= held.message.size
            self._supply.pop(held.id, None)

    def begun_before(self, moment: float) -> list[Held]:
        """Deliveries whose attempt began before a monotonic time and whose `sending` was not said."""
        return [held for held in self.held.values() if held.began is not None and held.began < moment and not held.told]
