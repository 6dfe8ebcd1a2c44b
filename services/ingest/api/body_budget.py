"""Room for large bodies: how many bytes of them one process holds at once, and how many of one workspace."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import ProblemError

RETRY_AFTER = 2


@dataclass(frozen=True, slots=True)
class _Waiting:
    workspace_id: str
    count: int
    granted: asyncio.Future[None]


class BodyBudget:
    """Gives room in the order in which it was asked for; half of all is the most that one workspace gets.

    Whoever has room never asks for more, so that no two can wait for each other. Who asks for more than there ever is
    gets what there is.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._share = most // 2
        self._held: Counter[str] = Counter()
        self._waiting: dict[int, _Waiting] = {}
        self._asked = 0

    async def take(self, workspace_id: str, count: int, seconds: float) -> Callable[[], None]:
        """Room for so many bytes; what is returned gives it back, and has to be called once.

        Raises a 503 problem where there is none for so many seconds.
        """
        self._asked += 1
        number, granted = self._asked, asyncio.get_running_loop().create_future()
        asked = self._waiting[number] = _Waiting(workspace_id, min(count, self._share), granted)
        self._grant()
        try:
            async with asyncio.timeout(seconds):
                await granted
        except BaseException as error:
            if self._waiting.pop(number, None) is None:  # granted in the moment in which it was given up
                self._give_back(asked)
            self._grant()
            if isinstance(error, TimeoutError):
                raise _too_busy() from error
            raise
        return lambda: self._give_back(asked)

    def _grant(self) -> None:
        """To all who can have it; nobody passes one who waits for others than its own workspace."""
        for number, asked in list(self._waiting.items()):
            if self._held[asked.workspace_id] + asked.count > self._share:
                continue
            if asked.count > self._free:
                return
            del self._waiting[number]
            self._free -= asked.count
            self._held[asked.workspace_id] += asked.count
            if not asked.granted.done():
                asked.granted.set_result(None)

    def _give_back(self, asked: _Waiting) -> None:
        self._free += asked.count
        self._held[asked.workspace_id] -= asked.count
        if not self._held[asked.workspace_id]:
            del self._held[asked.workspace_id]
        self._grant()


def _too_busy() -> ProblemError:
    """The connection stays open: closed with a body unread, the caller might never see why."""
    return ProblemError(
        503,
        "too_busy",
        "Too many large requests come in at once; nothing was stored, please try again.",
        headers={"Retry-After": str(RETRY_AFTER)},
    )
