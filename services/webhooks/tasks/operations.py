"""Composes what works on replays and back-fills."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from services.webhooks.endpoints import Endpoints
from services.webhooks.settings import Settings
from services.webhooks.store.stores import Stores
from services.webhooks.tasks.backfill import Backfill
from services.webhooks.tasks.replay import Replay
from services.webhooks.tasks.runner import Room, Runner
from shared.loops import Loops


class Operations:
    """The loops of the role `dispatch` that tasks have their turns in, a loop for each kind: reading topics takes long,
    and a replay does not wait for it."""

    def __init__(self, settings: Settings, stores: Stores, endpoints: Endpoints, queued: Callable[[], None]) -> None:
        tasks, deliveries = stores.tasks, stores.deliveries
        room = Room(deliveries, endpoints, settings.webhook_replay_at_once)
        settle = timedelta(seconds=settings.webhook_backfill_settle_seconds)
        backfill = Backfill(settings, tasks, stores.jobs, deliveries, stores.erasures, room, queued, settle)
        self._seconds = 2 * settings.webhook_poll_seconds
        self._replays = Runner(tasks, endpoints, Replay(tasks, deliveries, room, queued))
        self._backfills = Runner(tasks, endpoints, backfill)

    def start(self, loops: Loops) -> None:
        loops.every("webhooks.replays", self._seconds, lambda: self._replays.turn(loops.stopping))
        loops.every("webhooks.backfills", self._seconds, lambda: self._backfills.turn(loops.stopping))
