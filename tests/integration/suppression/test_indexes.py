"""The lists of suppressions are answered from indexes, in their order, however many entries a workspace has."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.suppression.documents.updates import Addition, Removal
from services.suppression.erasing.store import ErasureStore
from services.suppression.rules import EntryType, Place, Reason, Scope
from services.suppression.store import Listing
from services.suppression.store.listing import Wanted
from shared.kafka.publish import Publisher
from shared.tokens import uuid7
from tests.fixtures.profiled import Executed, profiled
from tests.integration.suppression.conftest import Suppressing

ENTRIES, OTHERS = 600, 50


async def ran(storing: Suppressing, query: Awaitable[Any]) -> list[Executed]:
    """How the database ran the queries of a call."""
    async with profiled(storing.deployment.database("suppression")) as found:
        await query
    return found


@pytest.fixture
async def filled(storing: Suppressing) -> Suppressing:
    """A workspace with many entries, a tenth of them removed and a tenth complaints, and others with few."""
    store = storing.store
    manual, complaint = (Addition(reason, None, None) for reason in (Reason.MANUAL, Reason.COMPLAINT))
    few = [Place("w2"), Place(), Place("w1", stream="billing")]
    for place, number in ((Place("w1"), ENTRIES), *((each, OTHERS) for each in few)):
        names = [store.naming.named(place, f"a{n}@b.example") for n in range(number)]
        added = await store.add_many([(name, manual if n % 10 else complaint) for n, name in enumerate(names)])
        if number == ENTRIES:
            entries = await store.find_many("w1", {each.document["_id"] for each in added[5::10]})
            await store.remove([(entry, Removal(None, "api", None)) for entry in entries.values()], guarded=True)
    return storing


async def test_a_page_of_suppressions_reads_what_it_shows_and_counts_from_keys(filled: Suppressing) -> None:
    """The pages' totals are counted from an index, without a look at the documents where no filter needs one."""
    listing, now = Listing(filled.store), datetime.now(UTC)
    for wanted, documents in (
        (Wanted("w1"), 10),
        (Wanted(None), 10),
        (Wanted("w1", types=[EntryType.COMPLAINT]), 10),
        (Wanted("w1", expiring=True), 0),
        (Wanted("w1", expiring=timedelta(days=7)), 0),
        (Wanted("w1", search="a7@b.example"), 4),
        (Wanted("w1", search="a7"), 4),
        (Wanted("w1", causes=[Reason.COMPLAINT]), 2 * ENTRIES),
        (Wanted("w1", scopes=[Scope.STREAM]), 2 * ENTRIES),
        (Wanted("w1", streams=["billing"]), 2 * ENTRIES),
    ):
        for each in await ran(filled, listing.page(wanted, now, 0, 10)):
            assert "COLLSCAN" not in each.plan, (wanted, each)
            assert not each.sorted or wanted.search, (wanted, each)
            assert each.documents <= documents, (wanted, each)


async def test_the_other_lists_read_little_more_than_they_show(filled: Suppressing) -> None:
    store = filled.store
    erasures = ErasureStore(filled.deployment.database("suppression"), Publisher(filled.settings, "unconnected"))
    for number in range(60):
        whose = {"workspace_id": "w1" if number % 2 else None, "address_hmac": f"h{number}"}
        await erasures.add({"_id": uuid7(), **whose, "address": "sealed", "reason": None, "by": None})
    digest = store.naming.digest("a7@b.example")
    listing = Listing(store)

    async def everything() -> None:
        async for _ in listing.all(Wanted("w2"), datetime.now(UTC)):
            pass

    for query, most in (
        (listing.removals("w1", None, 0, 10), 62),
        (listing.removals("w1", "a5@b.example", 0, 10), 4),
        (everything(), OTHERS + 1),
        (erasures.page("w1", None, 10), 11),
        (erasures.page(None, uuid7(), 10), 11),
        (erasures.held("w1", digest, None, 10), 5),
        (store.find_many("w1", {uuid7(), store.naming.key(Place("w1"), "a7@b.example")}), 4),
        (store.document(Place("w1"), uuid7()), 2),
    ):
        for each in await ran(filled, query):
            assert "COLLSCAN" not in each.plan, each
            assert not each.sorted or each.keys < 5, each
            assert max(each.keys, each.documents) <= most, each


async def test_a_page_behind_another_begins_where_that_ended(filled: Suppressing) -> None:
    """By cursor a page far down costs as much as the first, and together the pages are the list."""
    listing, now = Listing(filled.store), datetime.now(UTC)
    for wanted in (Wanted("w1"), Wanted("w1", types=[EntryType.COMPLAINT])):
        found, _ = await listing.page(wanted, now, 0, 100)
        assert await listing.after(wanted, now, (found[39].first_seen, found[39].id), 60) == found[40:]
        last = (found[-1].first_seen, found[-1].id)
        for each in await ran(filled, listing.after(wanted, now, last, 10)):
            assert "COLLSCAN" not in each.plan, each
            assert not each.sorted, each
            assert each.documents <= 12, each
