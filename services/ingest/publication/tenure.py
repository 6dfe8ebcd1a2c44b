"""A tenure that is asked for often and renewed seldom: every third of its length."""

from __future__ import annotations

import time

from shared.mongo.due import Tenure


class HeldTenure:
    """Whether this process is the one that works. Who is not asks again as seldom as the holder renews."""

    def __init__(self, tenure: Tenure, seconds: float) -> None:
        self._tenure = tenure
        self._pause = seconds / 3
        self._asked = 0.0
        self._held = False

    async def is_held(self) -> bool:
        """Renews where it is time to; False while another process holds it."""
        now = time.monotonic()
        if not self._asked or now - self._asked >= self._pause:
            self._held = False
            self._held = await self._tenure.hold()
            self._asked = now
        return self._held

    async def release(self) -> None:
        """Lets another process begin at once."""
        if self._held:
            self._held = False
            await self._tenure.release()
