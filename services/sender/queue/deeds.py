"""What each action does to a batch of deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from services.sender.arrivals import settled_fields
from services.sender.destinations.name import parse
from services.sender.endings import Endings
from services.sender.handlers import CommandsHandler
from services.sender.queue.actions import Action, Options
from services.sender.queue.jobs import Job
from services.sender.rules import held_back
from services.sender.store.changing import Changing
from services.sender.store.deliveries import Deliveries
from services.sender.store.holds import Holds
from shared.contracts.commands import Command, CommandType
from shared.contracts.messages import Message

Documents = Mapping[str, Mapping[str, Any]]


class Deeds:
    """Each writes only to what is still as it was found: whatever happens to a delivery meanwhile comes first."""

    def __init__(
        self,
        changing: Changing,
        holds: Holds,
        deliveries: Deliveries,
        endings: Endings,
        commands: CommandsHandler,
        kept: timedelta,
    ) -> None:
        self._changing = changing
        self._holds = holds
        self._deliveries = deliveries
        self._endings = endings
        self._commands = commands
        self._kept = kept

    async def changed(self, ids: Sequence[str], job_id: str) -> set[str]:
        """Those that the job has changed, now or before a kill."""
        return await self._changing.changed(ids, job_id)

    async def do(self, job: Job, found: Documents) -> None:
        """Does what the job asks for to the deliveries (by id) as they were found."""
        match job.action:
            case Action.HOLD:
                await self._hold(job, found)
            case Action.RELEASE:
                await self._changing.let_go(list(found), job.options.holds, job.id)
            case Action.RETRY:
                await self._changing.make_due(list(found), job.id)
            case Action.BOUNCE:
                await self._bounce(job, found)
            case Action.REROUTE:
                await self._changing.reroute({each: _wish(found[each], job.options) for each in found}, job.id)

    async def _hold(self, job: Job, found: Documents) -> None:
        hold = next((hold for hold in await self._holds.active() if hold.id in job.options.holds), None)
        if hold is None:
            return
        now = datetime.now(UTC)
        held = {}
        for each, document in found.items():
            settled = held_back(Message.decode(document["record"]), hold, now)
            held[each] = document, settled_fields(settled, self._kept, now)
        await self._changing.hold(held, job.id)
        tokens = {fields["unpublished"]["token"]: each for each, (_, fields) in held.items()}
        written = await self._deliveries.said(tokens)
        await self._endings.publish(
            [
                {"_id": each, "trace": document.get("trace"), **fields}
                for each, (document, fields) in held.items()
                if fields["unpublished"]["token"] in written
            ]
        )

    async def _bounce(self, job: Job, found: Documents) -> None:
        now = datetime.now(UTC)
        commands = {
            each: Command(
                command_id=f"{job.id}:{each}",
                type=CommandType.BOUNCE,
                occurred_at=now,
                message=Message.decode(document["record"]),
                by=job.by,
                text=job.options.reason,
            ).encode()
            for each, document in found.items()
        }
        await self._changing.order_end(commands, job.id)
        await self._commands.end_commanded(list(found))


def _wish(document: Mapping[str, Any], options: Options) -> dict[str, str]:
    """The named transport, or any other than the present one."""
    return {"take": options.take} if options.take else {"avoid": parse(document["destination"]).transport}
