"""The memory of hosts with broken TLS: three days, and so many hosts."""

from __future__ import annotations

import pytest

from services.sender.tls import broken
from services.sender.tls.broken import BrokenTls

DAY = 24 * 3600.0


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_host_is_remembered_for_three_days() -> None:
    clock = Clock()
    memory = BrokenTls(clock=clock)
    assert "mx.a.test:25" not in memory
    memory.note("mx.a.test:25")
    clock.now += 3 * DAY - 1
    assert "mx.a.test:25" in memory
    assert "mx.b.test:25" not in memory
    clock.now += 1
    assert "mx.a.test:25" not in memory


def test_a_host_that_is_forgotten_is_none_until_it_is_noted_again() -> None:
    memory = BrokenTls()
    memory.note("mx.a.test:25")
    memory.forget("mx.a.test:25")
    assert "mx.a.test:25" not in memory
    memory.note("mx.a.test:25")
    assert "mx.a.test:25" in memory


def test_the_oldest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broken, "LARGEST", 2)
    memory = BrokenTls()
    for host in ("a:25", "b:25", "a:25", "c:25"):
        memory.note(host)
    assert [host in memory for host in ("a:25", "b:25", "c:25")] == [True, False, True]
