"""Which source a message takes, and what a new one may send."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.sender.destinations.warmup import Source, block_of, choose, of_family, sources_of, tomorrow

ADDRESSES = [f"192.0.2.{number}" for number in range(1, 9)]
sources = st.lists(st.sampled_from(ADDRESSES), min_size=1, unique=True).map(lambda all_: [Source(a) for a in all_])


@given(st.text(max_size=40), sources, st.randoms())
def test_a_message_keeps_its_source_whatever_becomes_of_the_others(message_id: str, known: list[Source], rng) -> None:  # type: ignore[no-untyped-def]
    first = choose(message_id, known, ())
    assert first is not None
    others = [source.address for source in known if source != first]
    gone = set(rng.sample(others, rng.randint(0, len(others))))
    rng.shuffle(known)
    assert choose(message_id, known, gone) == first
    second = choose(message_id, known, {first.address})
    assert second != first
    assert (second is None) == (len(known) == 1)


def test_messages_spread_over_the_sources() -> None:
    known = [Source(address) for address in ADDRESSES[:4]]
    taken = [choose(str(number), known, ()) for number in range(4000)]
    assert all(800 < taken.count(source) < 1200 for source in known)


@given(st.integers(-400, 400), st.lists(st.integers(1, 1000), min_size=1, max_size=40))
def test_a_cap_is_its_days(days: int, caps: list[int]) -> None:
    started = date(2026, 11, 1)
    source = Source("192.0.2.1", None, started, tuple(caps))
    expected = 0 if days < 0 else caps[days] if days < len(caps) else None
    assert source.cap(started + timedelta(days=days)) == expected


def test_a_transport_says_its_sources() -> None:
    plan = {"started_on": "2026-11-01", "daily_caps": [5, 10]}
    data = {"sources": [{"address": "192.0.2.1", "ehlo_name": "a.test", "warmup": plan}, {"address": "192.0.2.2"}]}
    assert sources_of(data) == (Source("192.0.2.1", "a.test", date(2026, 11, 1), (5, 10)), Source("192.0.2.2"))
    assert sources_of({}) == ()


def test_sources_of_a_family_are_all_where_there_are_none() -> None:
    four, six = Source("192.0.2.1"), Source("2001:db8::1")
    assert of_family([four, six], "ipv4") == [four]
    assert of_family([four, six], "ipv6") == [six]
    assert of_family([four, six], None) == [four, six]
    assert of_family([six], "ipv4") == [six]


def test_tomorrow_is_the_next_day_in_utc() -> None:
    assert tomorrow(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)


@given(st.integers(1, 10_000_000))
def test_a_process_never_takes_much_of_a_day_at_once(cap: int) -> None:
    assert 1 <= block_of(cap) <= max(1, cap // 50, 1)
