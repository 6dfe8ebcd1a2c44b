"""The memory that claimed deliveries are counted with: bounded before their contents are loaded, corrected after."""

from __future__ import annotations

from datetime import UTC, datetime

from services.sender.arrivals import Held
from services.sender.memory import READING_BYTES, Memory
from shared.content import LOADED_BYTES, MAX_BYTES, Attachment, Content
from shared.contracts.topics import Lane
from tests.fixtures.messages import a_message

MIB = 1024 * 1024


def held(size: int, lane: Lane = Lane.STANDARD) -> Held:
    return Held(a_message(size=size, lane=lane), "t", "d", 0, 0, None)


def content(size: int, left: int) -> Content:
    """Of so many bytes, of which some are left in the store."""
    file = Attachment(
        blob_id="b", size=left, digest="", chunks=1, data=None if left else b"", filename="f", content_type="a/b"
    )
    return Content(
        content_id="c", workspace_id="w", from_="a@b.test", subject="", text="x" * (size - left),
        attachments=[file], expires_at=datetime.now(UTC),
    )  # fmt: skip


def test_a_fifth_is_the_critical_lanes_own() -> None:
    memory = Memory(10 * MIB)
    taken = [held(4 * MIB), held(4 * MIB)]
    assert [memory.take(one) for one in taken] == [True, True]
    assert (memory.has_room(Lane.STANDARD), memory.has_room(Lane.CRITICAL)) == (False, True)
    assert not memory.take(held(1))
    assert memory.take(held(2 * MIB, Lane.CRITICAL))
    memory.give_back(taken[0])
    assert memory.take(held(1 * MIB))


def test_one_that_is_larger_than_all_may_go_alone() -> None:
    memory = Memory(MIB)
    first = held(5 * MIB)
    assert memory.take(first)
    assert not memory.take(held(1))
    memory.give_back(first)
    assert memory.take(held(1))


def test_what_is_read_while_it_is_sent_counts_for_what_is_here_of_it() -> None:
    memory = Memory(64 * MIB)
    size = 500 * MIB
    taken = []
    for _ in range(8):
        one = held(size)
        assert memory.take(one)
        assert one.weight == MAX_BYTES + LOADED_BYTES  # no more than that is ever loaded
        memory.settle(one, content(size, size - 10))
        assert one.weight == READING_BYTES + 10
        taken.append(one)
    for one in taken:
        memory.give_back(one)
        memory.give_back(one)
    whole, gone = held(MIB), held(MIB)
    assert memory.take(whole)
    assert memory.take(gone)
    memory.settle(whole, content(MIB, 0))
    memory.settle(gone, None)
    assert (whole.weight, gone.weight) == (MIB, 0)
    memory.give_back(whole)
    assert memory.take(held(51 * MIB))
