"""What MX records mean, the order to dial in, and the rollups that domains share."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.mx import MAX_HOSTS, Finding, Mx, MxHost, destination_of, pending, read_mx, rollup_of, spread
from services.router.providers import provider_of

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}\.[a-z]{2,6}", fullmatch=True)
HOSTS = st.lists(st.builds(MxHost, st.integers(0, 4), NAMES), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("records", "finding", "names"),
    [
        ([], Finding.IMPLICIT, ["a.example"]),
        ([(0, "")], Finding.NULL_MX, []),
        ([(10, "")], Finding.NO_MAIL_HOST, []),
        ([(0, ""), (5, "")], Finding.NO_MAIL_HOST, []),
        ([(0, ""), (5, "mx.example")], Finding.MX, ["mx.example"]),
        ([(5, "not a host"), (5, "a\\@b.example"), (7, "_mx.example")], Finding.MX, ["_mx.example"]),
        ([(5, "not a host")], Finding.NO_MAIL_HOST, []),
        (
            [(5, "mx.example"), (10, "us.example"), (10, "same.example"), (20, "worse.example")],
            Finding.MX,
            ["mx.example"],
        ),
        ([(10, "us.example"), (10, "same.example"), (20, "worse.example")], Finding.MAIL_LOOP, []),
    ],
)
def test_what_records_mean(records: list[tuple[int, str]], finding: Finding, names: list[str]) -> None:
    found = read_mx("a.example", [MxHost(*record) for record in records], {"us.example"})
    assert found.finding is finding
    assert [host.name for host in found.hosts] == names


def test_our_own_name_is_no_implicit_mail_host() -> None:
    assert read_mx("us.example", [], {"us.example"}).finding is Finding.MAIL_LOOP


@given(HOSTS, st.integers())
def test_preference_comes_first_and_nothing_is_lost(hosts: list[MxHost], seed: int) -> None:
    ordered = spread(hosts, random.Random(seed))
    assert Counter(ordered) == Counter(hosts)
    assert [host.preference for host in ordered] == sorted(host.preference for host in hosts)


CHI_SQUARE = {3: 16.27, 23: 49.73}
"""What the statistic of evenly spread counts exceeds once in a thousand times, by degrees of freedom."""


def chi_square(counts: Counter[Any], kinds: int) -> float:
    even = counts.total() / kinds
    return sum((counts[kind] - even) ** 2 / even for kind in counts) + even * (kinds - len(counts))


def test_equals_are_spread_evenly() -> None:
    """Over 1,000 messages every place is anybody's, and every order of the four comes as often as any other."""
    hosts = (MxHost(5, "first"), *(MxHost(10, name) for name in ("a", "b", "c", "d")), MxHost(20, "last"))
    mx, rng = Mx(Finding.MX, "a.example", hosts), random.Random(7)
    orders = [tuple(host.name for host in destination_of(mx, 25, rng).hosts) for _ in range(1000)]
    assert {(order[0], order[-1]) for order in orders} == {("first", "last")}
    for place in range(1, 5):
        assert chi_square(Counter(order[place] for order in orders), 4) < CHI_SQUARE[3]
    assert chi_square(Counter(order[1:5] for order in orders), 24) < CHI_SQUARE[23]


@given(HOSTS, st.randoms())
def test_a_rollup_does_not_depend_on_order_or_preference(hosts: list[MxHost], rng: random.Random) -> None:
    other = [MxHost(rng.randint(0, 9), host.name) for host in rng.sample(hosts, len(hosts))]
    first, second = Mx(Finding.MX, "a.example", tuple(hosts)), Mx(Finding.MX, "b.example", tuple(other))
    assert rollup_of(first) == rollup_of(second)


@given(HOSTS, NAMES)
def test_another_host_is_another_rollup(hosts: list[MxHost], name: str) -> None:
    more = (*hosts, MxHost(1, f"more.{name}"))
    assert rollup_of(Mx(Finding.MX, "a", tuple(hosts))) != rollup_of(Mx(Finding.MX, "a", more))


def test_a_rollup_is_named_the_same_in_every_process() -> None:
    hosts = (MxHost(20, "mx2.a.example"), MxHost(10, "mx1.a.example"))
    assert rollup_of(Mx(Finding.MX, "a.example", hosts)) == "mx:e9ec937196e151c5"
    assert rollup_of(Mx(Finding.IMPLICIT, "a.example", (MxHost(0, "a.example"),))) == "d:a.example"


@pytest.mark.parametrize(
    ("hosts", "provider"),
    [
        (["gmail-smtp-in.l.google.com", "alt1.gmail-smtp-in.l.google.com"], "google"),
        (["aspmx.l.google.com", "aspmx2.googlemail.com"], "google"),
        (["hotmail-com.olc.protection.outlook.com"], "outlook"),
        (["a-example.mail.protection.outlook.com"], "office365"),
        (["mta5.am0.yahoodns.net"], "yahoo"),
        (["mx01.mail.icloud.com"], "apple"),
        (["aspmx.l.google.com", "mx.a.example"], None),
        (["aspmx.l.google.com", "mta5.am0.yahoodns.net"], None),
        (["evilgoogle.com"], None),
        (["google.com.evil.example"], None),
        ([], None),
    ],
)
def test_a_provider_owns_every_host(hosts: list[str], provider: str | None) -> None:
    assert provider_of(hosts) == provider


def test_a_route_holds_few_hosts_and_its_rollup_knows_them_all() -> None:
    hosts = tuple(MxHost(number, f"mx{number:02}.example") for number in range(20))
    destination = destination_of(Mx(Finding.MX, "a.example", hosts), 2525, random.Random(1))
    assert [host.name for host in destination.hosts] == [f"mx{number:02}.example" for number in range(MAX_HOSTS)]
    assert [host.preference for host in destination.hosts] == list(range(MAX_HOSTS))
    assert {host.port for host in destination.hosts} == {2525}
    assert destination.rollup != rollup_of(Mx(Finding.MX, "a.example", hosts[:MAX_HOSTS]))


def test_what_is_still_looked_up_has_no_host() -> None:
    assert (pending("a.example").rollup, pending("a.example").hosts) == ("d:a.example", ())
