"""Room for large bodies: what is held at once, whose turn it is, and that nothing of it gets lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.api.body_budget import BodyBudget
from shared.errors import ProblemError

LONG, SHORT = 30.0, 0.01


def began(budget: BodyBudget, workspace: str, count: int) -> asyncio.Task[Callable[[], None]]:
    return asyncio.create_task(budget.take(workspace, count, LONG))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_room_is_given_in_the_order_in_which_it_was_asked_for() -> None:
    budget = BodyBudget(100)
    first, second = await budget.take("a", 50, LONG), await budget.take("b", 40, LONG)
    large, small = began(budget, "c", 40), began(budget, "d", 10)
    await settle()
    assert not large.done()
    assert not small.done()  # ten are free, but it came later
    second()
    await settle()
    assert large.done()
    assert small.done()
    for give_back in (first, large.result(), small.result()):
        give_back()


async def test_a_workspace_has_half_and_others_pass_it_meanwhile() -> None:
    budget = BodyBudget(100)
    held = [await budget.take("a", 25, LONG) for _ in range(2)]
    waits = began(budget, "a", 1)
    await settle()
    assert not waits.done()
    assert await budget.take("b", 50, LONG)
    held[0]()
    await settle()
    assert waits.done()


async def test_more_than_there_ever_is_takes_what_there_is() -> None:
    budget = BodyBudget(100)
    give_back = await budget.take("a", 1_000, LONG)
    with pytest.raises(ProblemError):
        await budget.take("a", 1, SHORT)
    give_back()
    assert await budget.take("a", 1, LONG)


async def test_who_gives_up_leaves_the_way_free() -> None:
    budget = BodyBudget(100)
    held = await budget.take("a", 50, LONG)
    await budget.take("b", 40, LONG)
    with pytest.raises(ProblemError) as refused:
        await asyncio.gather(budget.take("c", 20, SHORT), asyncio.wait_for(budget.take("d", 10, LONG), LONG))
    assert (refused.value.status, refused.value.code, refused.value.headers["Retry-After"]) == (503, "too_busy", "2")
    held()
    assert await budget.take("e", 50, LONG)


Step = tuple[str, int, int]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 80), st.integers(0, 3)).map(
            lambda step: ("end" if step[2] == 0 else "cancel" if step[2] == 1 else step[0], step[1], step[2])
        ),
        max_size=40,
    )
)
def test_nothing_gets_lost_whatever_ends_in_whatever_order(steps: list[Step]) -> None:
    asyncio.run(live(steps))


async def live(steps: list[Step]) -> None:
    """Takes, ends and cancellations; when all is over the whole budget has to be there, for two at once."""
    budget = BodyBudget(100)
    tasks: list[asyncio.Task[Callable[[], None]]] = []
    for kind, number, _ in steps:
        if kind == "cancel" and tasks:
            tasks[number % len(tasks)].cancel()
        elif kind == "end" and (granted := [task for task in tasks if task.done() and not task.cancelled()]):
            task = granted[number % len(granted)]
            tasks.remove(task)
            task.result()()
        elif kind in "abc":
            tasks.append(began(budget, kind, number))
        if number % 2:
            await settle()
    while tasks:
        await settle()
        over = [task for task in tasks if task.done()]
        assert over, "nobody holds anything, and somebody waits"
        for task in over:
            tasks.remove(task)
            if not task.cancelled():
                task.result()()
    async with asyncio.timeout(1):
        await asyncio.gather(budget.take("x", 50, LONG), budget.take("y", 50, LONG))
