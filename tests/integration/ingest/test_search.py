"""Searches: each filter and any of them together, page by page, within bounded work, in one's own workspace."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from services.ingest.api.listing import Listing
from services.ingest.projection.fold import add_subject, delta_of
from services.ingest.store import search
from services.ingest.store.messages import Messages
from services.ingest.store.search import Searches
from shared.contracts.events import EventType, event_of
from shared.contracts.topics import Stream
from shared.tokens import uuid7
from tests.fixtures.profiled import profiled
from tests.integration.ingest.conftest import Door, make_workspace
from tests.unit.ingest.lives import BEGAN, make_message

pytestmark = pytest.mark.asyncio(loop_scope="module")
ANN = "Ann.Person+7@shop.example"


@dataclass
class Mail:
    """A workspace's read model."""

    door: Door

    def __post_init__(self) -> None:
        self.database = self.door.deployment.database("ingest")
        self.messages = Messages(self.database)

    async def keep(self, subject: str | None = "Your code", type_: str = "delivered", **changes: Any) -> str:
        """The id of a message that the projector has heard of."""
        message = make_message(message_id=uuid7(), workspace_id=self.door.workspace.id, **changes)
        delta = delta_of(event_of(message, EventType(type_), BEGAN, {"class": "mailbox_full"}))
        if subject is not None:
            add_subject(delta, subject)
        await self.messages.write({message.message_id: delta})
        return message.message_id

    async def found(self, **query: Any) -> list[str]:
        headers = {"Authorization": f"Bearer {self.door.key}"}
        reply = await self.door.http.get("/v1/emails", params=query, headers=headers)
        assert reply.status_code == 200, reply.text
        return [message["uuid"] for message in reply.json()["data"]]

    async def pages(self, searches: Searches, limit: int, between: Callable[[], Any], **query: Any) -> list[str]:
        """The ids of all pages, with something done between each two."""
        wanted, found, before = Listing(**query).wanted(), [], None
        while True:
            page = await searches.page(self.door.workspace.id, wanted, before, limit)
            assert len(page.messages) <= limit
            found += [message["_id"] for message in page.messages]
            if page.behind is None:
                return found
            assert before is None or page.behind < before
            before = page.behind
            await between()


@pytest.fixture
def mail(tenant: Door) -> Mail:
    return Mail(tenant)


async def nothing() -> None:
    pass


async def test_a_message_is_found_by_what_a_customer_says(mail: Mail) -> None:
    await mail.keep("Your code", recipient="bob@other.example")
    await mail.keep(None, recipient="anna@store.test", sender="news@other.test", tags=[])
    wanted = await mail.keep(
        "Réservation #10002 confirmée", recipient=ANN, sender="desk@hotel.test", tags=["Trip-Rome"]
    )
    for said in (
        wanted, wanted.upper(), ANN, ANN.upper(), "@shop.example", "@sho", "ann.pers", "ann.person+7@sho",
        "reservation", "RÉSERVATION 10002", "confirmee réserv", "10002", "1000", "person", "7 person", "rome",
        "trip rom", "reservation person rome", " confirmée ",
    ):  # fmt: skip
        name = "recipient" if said == "ann.pers" else "q"
        assert await mail.found(**{name: said}) == [wanted], said
    for query in (
        {"subject": "confirmee reserv"},
        {"subject": "10002"},
        {"recipient": "@shop.example"},
        {"recipient": "@shop"},
        {"recipient": "ANN.PERSON"},
        {"recipient": "ann.person+7@"},
        {"sender": "@hotel.test"},
        {"sender": "desk"},
        {
            "q": "reservation",
            "recipient": "@shop.example",
            "sender": "desk@",
            "tag": "Trip-Rome",
            "status": "delivered",
        },
        {"q": "ann", "subject": "confirmée"},
    ):
        assert await mail.found(**query) == [wanted], query
    for query in (
        {"q": "eservation"},
        {"q": "res confirmee 10002 code"},
        {"q": "confirm 10002"},  # only the last may be a beginning
        {"subject": "rome"},
        {"subject": "person"},
        {"recipient": "@example"},
        {"recipient": "@shop.exa"},
        {"recipient": "shop.example"},
        {"recipient": "ann.person+7@shop.exa.mple"},
        {"sender": "@shop.example"},
        {"q": "reservation", "status": "bounced"},
        {"q": uuid7()},
    ):
        assert await mail.found(**query) == [], query


async def test_marks_in_what_is_said_are_only_marks(mail: Mail) -> None:
    odd = await mail.keep("100% $ne ^.* {}", recipient="$a.+b'c@x.example", tags=["$ne"])
    for query in ({"recipient": "$a.+b"}, {"recipient": "$a.+b'c@x.example"}, {"subject": "$ne ^100"}, {"tag": "$ne"}):
        assert await mail.found(**query) == [odd], query
    for query in ({"recipient": "a.+"}, {"recipient": ".*a"}, {"subject": ".* ne1"}, {"recipient": "$a.+B.c"}):
        assert await mail.found(**query) == [], query


async def test_another_workspace_finds_nothing(mail: Mail) -> None:
    wanted = await mail.keep("Réservation", recipient=ANN)
    _, key = await make_workspace(mail.door.workspaces, name="Other")
    for query in (
        {"q": wanted},
        {"q": ANN},
        {"recipient": "ann.p"},
        {"subject": "reserv"},
        {"recipient": "@shop.example"},
    ):
        reply = await mail.door.http.get("/v1/emails", params=query, headers={"Authorization": f"Bearer {key}"})
        assert reply.json() == {"data": [], "has_more": False, "next_cursor": None}


WORDS = ["order", "orders", "ordered", "refund", "summary", "invoice", "100", "1001", "1002"]
NAMES = ["ann", "anna", "annette", "bob"]
DOMAINS = ["shop.example", "shop.test", "other.example"]


def any_query(seed: random.Random) -> dict[str, str]:
    """Some filters of one search."""
    offers: dict[str, list[str]] = {
        "q": ["order", "ord", "ann", "10", "100", "order ann", "refund sum", "@shop.example", "ann@shop.test", "x 1"],
        "subject": ["orde", "100 ord", "summary refund", "invoice 100", "nowhere"],
        "recipient": ["ann", "anna@", "bob@shop.e", "bob@shop.example", "@shop", "@other.example", "nobody"],
        "sender": ["ann", "bob@shop.test", "@shop.test", "@oth"],
        "status": ["delivered", "bounced"],
        "tag": ["order", "ann"],
        "stream": ["billing"],
        "bounce_class": ["mailbox_full"],
    }
    return {name: seed.choice(offers[name]) for name in seed.sample(sorted(offers), seed.randint(1, 3))}


def meets(query: dict[str, str], message: dict[str, Any]) -> bool:
    """The same search, as one would do it by hand."""

    def said(text: str, *places: str) -> bool:
        words = text.split()
        held = [word for place in places for word in place.split()]
        whole = all(word in held for word in words[:-1])
        return whole and any(word == words[-1] or (len(words[-1]) > 2 and word.startswith(words[-1])) for word in held)

    def is_at(text: str, address: str) -> bool:
        place = address[address.index("@") :] if text[0] == "@" else address
        return place == text if "." in text.partition("@")[2] else place.startswith(text)

    def q(text: str) -> bool:
        name = message["recipient"].partition("@")[0]
        subject, tags = message["subject"], " ".join(message["tags"])
        return is_at(text, message["recipient"]) if "@" in text else said(text, subject, name, tags)

    tests: dict[str, Callable[[str], bool]] = {
        "q": q,
        "subject": lambda text: said(text, message["subject"]),
        "recipient": lambda text: is_at(text, message["recipient"]),
        "sender": lambda text: is_at(text, message["sender"]),
        "status": lambda text: text == message["type_"],
        "tag": lambda text: text in message["tags"],
        "stream": lambda text: text == message["stream"],
        "bounce_class": lambda text: message["type_"] == "bounced",
    }
    return all(tests[name](text) for name, text in query.items())


@pytest.mark.parametrize(("most_ids", "most_values"), [(2_000, 32), (10, 32), (10, 2)])
async def test_all_pages_together_are_what_was_asked_for(
    mail: Mail, monkeypatch: pytest.MonkeyPatch, most_ids: int, most_values: int
) -> None:
    """Whichever way a beginning is searched, however little is looked at at once, and whatever arrives meanwhile."""
    monkeypatch.setattr(search, "MOST_IDS", most_ids)
    monkeypatch.setattr(search, "MOST_VALUES", most_values)
    monkeypatch.setattr(search, "KEYS_AT_ONCE", 3)
    seed = random.Random(most_ids + most_values)
    kept: dict[str, dict[str, Any]] = {}

    async def keep() -> None:
        fields = {
            "subject": " ".join(seed.sample(WORDS, seed.randint(1, 4))),
            "recipient": f"{seed.choice(NAMES)}@{seed.choice(DOMAINS)}",
            "sender": f"{seed.choice(NAMES)}@{seed.choice(DOMAINS)}",
            "tags": seed.sample(["order", "ann", "rome"], seed.randint(0, 2)),
            "stream": seed.choice([Stream.BILLING, Stream.PRODUCT]),
            "type_": seed.choice(["delivered", "delivered", "bounced"]),
        }
        kept[await mail.keep(**fields)] = fields

    async def sometimes() -> None:
        if seed.random() < 0.1:
            await keep()

    for _ in range(150):
        await keep()
    small, large = Searches(mail.database, looked_at=12, seconds=0), Searches(mail.database)
    for _ in range(30):
        query = any_query(seed)
        there = sorted((id_ for id_, message in kept.items() if meets(query, message)), reverse=True)
        arriving = await mail.pages(small, 5, sometimes, **query)
        assert arriving == there, query
        there = sorted((id_ for id_, message in kept.items() if meets(query, message)), reverse=True)
        assert await mail.pages(large, 25, nothing, **query) == there, query
        wanted = Listing(**query).wanted()
        assert [each["_id"] async for each in large.each(mail.door.workspace.id, wanted)] == there


PLANS = (
    {"q": "order"}, {"q": "ord"}, {"q": "order 1007"}, {"q": "order summary"}, {"q": "100"}, {"q": "@shop.example"},
    {"q": "user1"}, {"subject": "ord", "status": "bounced"}, {"recipient": "user"}, {"recipient": "user10"},
    {"sender": "ale", "q": "order"}, {"recipient": "@shop.", "tag": "welcome", "stream": "product"}, {"q": uuid7()},
    {"bounce_class": "mailbox_full", "q": "order"}, {"from": BEGAN.isoformat(), "q": "order use"}, {},
)  # fmt: skip


async def test_no_search_reads_a_whole_collection_or_sorts(mail: Mail) -> None:
    for number in range(300):
        await mail.keep(f"Order {1000 + number}", recipient=f"user{number}@shop.example")
    searches = Searches(mail.database, looked_at=50, seconds=0)
    for query in PLANS:
        async with profiled(mail.database) as executed:
            await searches.page(mail.door.workspace.id, Listing(**query).wanted(), None, 25)
        of_messages = [each for each in executed if each.collection == "messages"]
        assert of_messages, query
        for each in of_messages:
            assert "COLLSCAN" not in each.plan, query
            assert not each.sorted, query
            assert each.documents <= 50, query
            assert each.keys <= 2_001, query
