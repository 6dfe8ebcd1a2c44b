"""The role `check`: this service's own part in erasures, and what it notes of the others'."""

from __future__ import annotations

from services.suppression.erasing.store import ErasureStore
from services.suppression.rules import Place, Reason
from services.suppression.settings import Settings
from services.suppression.store import Suppressions
from shared.contracts.commands import Asked
from shared.contracts.events import Event, EventType
from shared.contracts.topics import COMMANDS
from shared.erasing import Counts, Erasing, Note, part_done
from shared.erasure import is_erased
from shared.kafka.batch import Handler, Incoming
from shared.kafka.fetching import Fetching
from shared.loops import Loops
from shared.mongo.erasures import Erasure, KnownErasures
from shared.service import Base


class ErasingParts:
    """What the service does about erasures beside its routes."""

    def __init__(self, base: Base, settings: Settings, entries: Suppressions, store: ErasureStore) -> None:
        self._base = base
        self._settings = settings
        self._entries = entries
        self._store = store
        self.erasing = Erasing(base, self._erase)

    def attach(self) -> None:
        self.erasing.attach()
        self._base.consume("erased", {COMMANDS: Asked}, self.confirmed, Fetching.unhurried(self._settings))

    def start(self, loops: Loops) -> None:
        self.erasing.start(loops)
        again = self._settings.erasure_ask_again_seconds
        loops.every("erasures.ask", self._settings.sweep_seconds, self._store.outbox.sweep)
        loops.every("erasures.ask-again", min(again, 60), lambda: self._store.ask_again(again))

    async def confirmed(self, batch: list[Incoming[Asked]]) -> None:
        """Notes what the services say that they have done."""
        words = [one.record.erased for one in batch if one.record.erased]
        if words:
            await self._store.confirm(words)

    async def _erase(self, erasure: Erasure, note: Note) -> Counts:
        """The erasure's own entry blocks by the HMAC alone; what other entries held is deleted."""
        place = Place(erasure.workspace_id)
        document, _ = await self._entries.add(place, erasure.address, Reason.ERASURE, None, None)
        part_done()
        await self._entries.outbox.offer([document])
        await note({"suppressions_deleted": await self._store.others(erasure)})
        await self._store.forget(erasure)
        return {"suppressions_deleted": 0, "suppressions_by_hmac": await self._store.entries(erasure)}


def learning_of_the_living(known: KnownErasures, handler: Handler[Event]) -> Handler[Event]:
    """A handler that learns nothing from the mail of who was erased; what was stopped is noted without them."""

    async def handle(batch: list[Incoming[Event]]) -> None:
        await known.fresh()
        told = [
            one
            for one in batch
            if one.record.type is EventType.SUPPRESSED or not is_erased(known.event(one.record).recipient)
        ]
        if told:
            await handler(told)

    return handle
