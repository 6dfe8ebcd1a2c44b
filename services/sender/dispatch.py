"""Delivers what this process has claimed: lines of deliveries before the slots of each destination."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import TracebackType

import structlog

from services.sender.arrivals import Held
from services.sender.delivery import Delivery
from services.sender.destinations.pacing import Pacing
from services.sender.endings import Endings, persist
from services.sender.fair import Line
from services.sender.mail.ahead import LettersAhead
from services.sender.memory import Memory
from services.sender.room import Room
from services.sender.rules import Settled
from services.sender.settings import Settings
from services.sender.slots import Slots
from services.sender.smtp.behind import Behind
from services.sender.smtp.connection import Connection
from services.sender.store.deliveries import Deliveries
from services.sender.supplies import Supplies, Supply
from services.sender.turns import Turns
from shared.telemetry import metrics

log = structlog.get_logger(__name__)
IN_FLIGHT = metrics.IN_FLIGHT.labels("sender")
QUICK_SECONDS = 0.1
CUT_SECONDS = 1.0
SAFE_SHARE = 0.9  # of a lease, whose end is estimated where its delivery was claimed by insertion


class Dispatcher:
    """An async context that owns the conversations. Leaving it begins nothing new, cuts those that have not come to
    their final dot, gives all of that back at once, and waits for the others: nothing after a final dot is cut that
    `shutdown_seconds` are enough for.

    `held` are the deliveries whose leases this process renews. `freed` is set when more can be claimed.
    """

    def __init__(
        self,
        settings: Settings,
        slots: Slots,
        pacing: Pacing,
        supplies: Supplies,
        letters: LettersAhead,
        delivery: Delivery,
        endings: Endings,
        deliveries: Deliveries,
    ) -> None:
        self._settings = settings
        self._slots = slots
        self._pacing = pacing
        self._supplies = supplies
        self._letters = letters
        self._delivery = delivery
        self._endings = endings
        self._deliveries = deliveries
        self.held: dict[str, Held] = {}
        self.freed = asyncio.Event()
        self._ended = asyncio.Event()
        self._supply: dict[str, Supply] = {}
        self._memory = Memory(settings.held_bytes)
        self.room = Room(settings, slots, pacing, self._memory)
        self._running = 0
        self._turns = Turns(slots, pacing, settings.max_in_flight, self._begin)
        self._tasks: dict[asyncio.Task[None], Held] = {}

    async def __aenter__(self) -> Dispatcher:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.room.closed = True
        self.freed.set()
        left = [held for line in self._slots.lines.values() for held in line.empty()]
        left += await self._cut([task for task, held in self._tasks.items() if held.cuttable], CUT_SECONDS)
        with suppress(Exception):
            await self._let_go(left)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._settings.shutdown_seconds)
            # what is marked may be with the peer: its lease runs out, and it is ambiguous
            cut = await self._cut(late, None)
            with suppress(Exception):
                await self._deliveries.give_back({held.id: held.token for held in cut}, unmarked=True)
        await self._endings.drain()
        self._turns.close()
        with suppress(Exception):
            await self._slots.let_go()

    async def _cut(self, tasks: Collection[asyncio.Task[None]], seconds: float | None) -> list[Held]:
        """Ends tasks, waiting for that so long at most, and returns their deliveries."""
        deliveries = [self._tasks[task] for task in tasks]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        return deliveries

    @property
    def closing(self) -> bool:
        return self.room.closed

    def owns(self, held: Held) -> bool:
        """Whether this is the newest claim of its delivery here; an older one has lost its lease."""
        return self.held.get(held.id) is held

    def may_send(self, held: Held) -> bool:
        """Whether the final dot of a delivery may leave: from here on it is not cut any more."""
        if self.closing or not self.owns(held):
            return False
        held.cuttable = False
        return True

    def knows_end_of(self, held: Held) -> bool:
        """Whether the delivery is under way here by this very claim: how it ended will be said, however late."""
        mine = self.held.get(held.id)
        return mine is not None and mine.token == held.token

    async def take(self, claimed: Sequence[Held], asked: float) -> None:
        """Takes claimed deliveries and begins those that may begin; gives back what there is no memory for.

        `asked` is the monotonic time at which they were claimed, or one before it.
        """
        self._lengthen(claimed, asked)
        taken = [held for held in claimed if self._hold(held)]
        if len(taken) < len(claimed):
            await self._deliveries.give_back({held.id: held.token for held in claimed if not self.owns(held)})
        if not taken:
            return
        try:
            supplies = await self._supplies.fetch(taken)
        except BaseException:
            # where this fails too, they are claimed again when their leases have run out
            with suppress(Exception):
                await self._let_go(taken)
            self._forget(taken)
            raise
        if self.closing:
            await self._let_go(taken)
            return
        for held, supply in zip(taken, supplies, strict=True):
            if self.owns(held):
                self._memory.settle(held, supply.content)
            self._supply[held.token + held.id] = supply
            self._slots.line(held.destination).add(held)
        for destination in {held.destination for held in taken}:
            self._begin(destination)
        for held, supply in zip(taken, supplies, strict=True):
            if held.began is None and self.owns(held):
                self._letters.prepare(held, supply)

    async def settle(self) -> None:
        """Takes up what other processes have found of destinations: begins more, or gives back what cannot begin."""
        await self._slots.settle()
        self._pacing.forget()
        for destination, line in list(self._slots.lines.items()):
            if line.slots:
                self._begin(destination)
            elif line.queued and not line.in_use:
                await self._let_go(line.empty())

    async def renew(self) -> None:
        """Renews the leases of everything held, and the slots."""
        asked, renewed = time.monotonic(), list(self.held.values())
        await self._deliveries.renew({held.id: held.token for held in renewed}, self._settings.lease_seconds)
        self._lengthen(renewed, asked)
        await self._slots.renew()
        for destination in list(self._slots.lines):
            self._begin(destination)

    def begun_before(self, moment: float) -> list[Held]:
        """Deliveries whose attempt began before a monotonic time and whose `sending` was not said."""
        return [held for held in self.held.values() if held.began is not None and held.began < moment and not held.told]

    def is_quick(self, destination: str) -> bool:
        """Whether conversations with the destination end one after the other, so that there is room in a moment."""
        return not self.closing and time.monotonic() - self._slots.line(destination).moved_at < QUICK_SECONDS

    async def next_end(self) -> None:
        """Waits until a conversation has ended, or for a moment."""
        self._ended.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), QUICK_SECONDS)

    def _lengthen(self, deliveries: Sequence[Held], asked: float) -> None:
        for held in deliveries:
            held.safe_until = asked + SAFE_SHARE * self._settings.lease_seconds

    def _hold(self, held: Held) -> bool:
        """Keeps a delivery's lease alive from now on; False where its content is too much beside the others'."""
        if not self._memory.take(held):
            return False
        before = self.held.get(held.id)
        if before is not None:
            self._forget([before])
        self.held[held.id] = held
        return True

    def _begin(self, destination: str) -> None:
        """Begins what may begin of a destination, in turn with those that found the process full."""
        self._turns.join(destination)
        while not self.closing and (begun := self._turns.next(self._running)):
            self._start(*begun)

    def _pass_on(self, held: Held, line: Line[Held], connection: Connection) -> Behind | None:
        """Has the next of its line go on behind a delivery whose final dot has left; the slot is that one's then."""
        following = None if self.closing else self._turns.after(held, self._running - 1)
        if following is None:
            return None
        held.passed_on = True
        self._running -= 1
        behind = Behind(connection)
        if not self._start(following, line, (held, behind)):
            self._take_back(held, line)
            return None
        return behind

    def _take_back(self, held: Held, line: Line[Held]) -> None:
        """The slot comes back to a delivery that had passed it on."""
        line.resume(held)
        held.passed_on = False
        self._running += 1

    def _start(self, held: Held, line: Line[Held], before: tuple[Held, Behind] | None = None) -> bool:
        """Begins a delivery, behind the one `before` it if there is one; False where it is this process's no more."""
        supply = self._supply.pop(held.token + held.id, None)
        if supply is None or not self.owns(held):
            line.ended(held)
            return False
        if not self._pacing.begun(held.destination):
            supply = replace(supply, full=True)
        self._running += 1
        held.began = time.monotonic()
        if line.in_use == 1:
            line.moved_at = held.began
        task = asyncio.create_task(self._run(held, supply, line, before), name=f"deliver-{held.id}")
        self._tasks[task] = held
        task.add_done_callback(self._tasks.pop)
        return True

    def _end(self, held: Held, line: Line[Held], before: tuple[Held, Behind] | None) -> None:
        """Gives back the slot: to the delivery before it where that still waits for its reply."""
        if held.passed_on:
            return
        line.ended(held)
        self._running -= 1
        if before is not None and not before[1].is_over:
            self._take_back(before[0], line)

    async def _run(self, held: Held, supply: Supply, line: Line[Held], before: tuple[Held, Behind] | None) -> None:
        IN_FLIGHT.inc()
        try:
            try:
                behind = before[1] if before is not None else None
                settled, trace = await self._delivery.deliver(held, supply, partial(self._pass_on, held, line), behind)
                held.cuttable = False
            finally:
                IN_FLIGHT.dec()
                self._end(held, line, before)
                line.moved_at = time.monotonic()
                self._ended.set()
                self._begin(held.destination)
            if settled is None:
                await persist(lambda: self._let_go([held]))
            else:
                await persist(lambda: self._record(held, settled, trace))
        except Exception:
            log.exception("delivery left to its lease", message_id=held.id)
        finally:
            self._forget([held])
            self.freed.set()

    async def _record(self, held: Held, settled: Settled, trace: str | None) -> None:
        if not await self._endings.record(held, settled, trace):
            log.warning("outcome of a lost lease", message_id=held.id, state=settled.state)

    async def _let_go(self, deliveries: Sequence[Held]) -> None:
        await self._deliveries.give_back({held.id: held.token for held in deliveries})
        self._forget(deliveries)

    def _forget(self, deliveries: Sequence[Held]) -> None:
        for held in deliveries:
            self._supply.pop(held.token + held.id, None)
            self._letters.forget(held)
            if self.owns(held):
                del self.held[held.id]
                self._memory.give_back(held)
