"""When open pages look for news, and that those who see the same share a look."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.console.live import LOOK_SECONDS, Looks, seconds_to_look

ROUNDING = 1e-6
MOMENTS = st.floats(0, 1_000_000, allow_nan=False)


class Part:
    """A part that takes its time, and counts how often it was rendered."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.rendered = 0
        self.ready = asyncio.Event()
        self._fault = fault

    async def render(self) -> str:
        self.rendered += 1
        await self.ready.wait()
        if self._fault is not None:
            raise self._fault
        return "a part"


async def asked(looks: Looks, part: Part, *whats: str) -> list[asyncio.Task[str]]:
    """Those who look at these, all of them under way."""
    asking = [asyncio.create_task(looks.part(what, part.render)) for what in whats]
    await asyncio.sleep(0)
    return asking


async def test_who_looks_at_the_same_at_the_same_time_shares_a_look() -> None:
    looks, part = Looks(), Part()
    asking = await asked(looks, part, "one", "one", "other")
    part.ready.set()
    assert await asyncio.gather(*asking) == ["a part"] * 3
    assert await looks.part("one", part.render) == "a part"
    assert part.rendered == 2


async def test_who_leaves_takes_the_look_from_nobody() -> None:
    looks, part = Looks(), Part()
    first, second = await asked(looks, part, "one", "one")
    first.cancel()
    part.ready.set()
    assert await second == "a part"
    assert part.rendered == 1


async def test_what_a_look_raises_all_hear() -> None:
    looks, part = Looks(), Part(ValueError("not now"))
    asking = await asked(looks, part, "one", "one")
    part.ready.set()
    told = await asyncio.gather(*asking, return_exceptions=True)
    assert [str(each) for each in told] == ["not now"] * 2


async def test_a_look_is_not_kept_until_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, part = Looks(), Part()
    part.ready.set()
    kept: list[float] = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "call_later", lambda delay, act, what: (kept.append(delay), act(what)))
    await looks.part("one", part.render)
    await looks.part("one", part.render)
    assert part.rendered == 2
    assert all(delay < LOOK_SECONDS for delay in kept)


@given(MOMENTS, st.floats(0, 0.999))
def test_streams_of_one_url_look_together_however_late_they_began(now: float, later: float) -> None:
    first = now + seconds_to_look("http://a/console/live", now)
    assert now < first <= now + LOOK_SECONDS
    second = now + later * (first - now)
    assume(first - second > ROUNDING)
    assert abs(second + seconds_to_look("http://a/console/live", second) - first) < ROUNDING
