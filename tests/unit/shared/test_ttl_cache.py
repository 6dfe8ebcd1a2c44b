"""Findings are kept for their time, sought once, and bounded."""

from __future__ import annotations

import asyncio

import pytest

from shared.ttl_cache import TtlCache


class Source:
    """Answers when `open` is set, and counts what it was asked."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[str] = []
        self.open = asyncio.Event()
        self.open.set()
        self.fails = False

    async def find(self, key: str) -> tuple[str, float]:
        self.asked.append(key)
        await self.open.wait()
        if self.fails:
            raise OSError("away")
        return key.upper(), 10.0

    def cache(self, largest: int = 100) -> TtlCache[str, str]:
        return TtlCache(self.find, at_once=2, clock=lambda: self.now, largest=largest)


async def test_a_finding_is_kept_for_its_time() -> None:
    source = Source()
    cache = source.cache()
    assert await cache.get("a") == "A"
    source.now = 9.9
    assert await cache.get("a") == cache.kept("a") == "A"
    assert source.asked == ["a"]
    source.now = 10.0
    assert cache.kept("a") is None
    await cache.get("a")
    cache.forget("a")
    await cache.get("a")
    assert source.asked == ["a"] * 3


async def test_it_is_sought_once_also_where_nobody_waits_any_more() -> None:
    source = Source()
    source.open.clear()
    cache = source.cache()
    waiting = [asyncio.create_task(cache.get("a")) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    assert await cache.within("a", 0) is None
    source.open.set()
    assert set(await asyncio.gather(*waiting[1:])) == {"A"}
    assert source.asked == ["a"]


async def test_what_fails_is_said_and_not_kept() -> None:
    source = Source()
    source.fails = True
    cache = source.cache()
    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            await cache.get("a")
    assert source.asked == ["a", "a"]


async def test_the_oldest_findings_make_room() -> None:
    source = Source()
    cache = source.cache(largest=2)
    for key in "abac":
        await cache.get(key)
    assert [cache.kept(key) for key in "abc"] == [None, "B", "C"]


async def test_what_is_under_way_ends_with_the_cache() -> None:
    source = Source()
    source.open.clear()
    cache = source.cache()
    task = cache.begin("a")
    await cache.close()
    assert task.cancelled()
