"""How one transport does: its breakers, and what became of its mail over time, to all destinations or one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.router.api.health import HealthApi
from services.router.console.lately import Lately
from services.router.console.series import HOUR, Range, by_rollup, by_transport, transport_charts, whole
from services.router.console.transport_rows import Row, View, row_of
from services.router.health.role import HealthRoom
from shared.console.charts import Chart


@dataclass(frozen=True, slots=True)
class Told:
    """`row` is of the last hour. `towards` is the rollup that the charts are of, None for the transport altogether;
    `rollups` are its destinations with their last hour, of an own transport that goes to recipients' hosts."""

    row: Row
    charts: Sequence[Chart]
    over: Range
    towards: str | None
    rollups: Sequence[Mapping[str, Any]]


class TransportHealth:
    """Reads it, of a transport that the workspace may use."""

    def __init__(self, api: HealthApi, room: HealthRoom, lately: Lately) -> None:
        self._api = api
        self._room = room
        self._lately = lately

    async def of(self, workspace_id: str, view: View, over: Range, towards: str | None) -> Told:
        """Destinations are counted apart for an hour, and told of own transports alone; raises a 404 problem."""
        id_, now = str(view["id"]), datetime.now(UTC)
        own = not view["shared"]
        seen = await self._api.transport(workspace_id, id_)
        lately = by_transport(await self._lately.sent(workspace_id, HOUR)).get(id_, {})
        if own and towards is not None:
            over = HOUR
            spans = await self._room.slots.of_transport(id_, HOUR.moments(now)[0])
            series = by_rollup(spans, HOUR.step).get(towards, {})
        elif over is HOUR:
            series = lately
        else:
            series = by_transport(await self._lately.sent(workspace_id, over)).get(id_, {})
        return Told(
            row=row_of(view, await self._room.breakers.of_transports([id_]), whole(lately)),
            charts=transport_charts(series, over, now),
            over=over,
            towards=towards if own else None,
            rollups=[each | {"hour": each["windows"][-1]} for each in seen["rollups"] if each["windows"]],
        )
