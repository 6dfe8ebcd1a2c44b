"""The databases that one test leaves to another: nothing in them, and the indexes they had, whatever was done there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymongo import MongoClient

from shared.mongo.entities import NOTICES
from tests.fixtures.databases import RESTING, Databases, Stock
from tests.fixtures.servers import Servers


@pytest.fixture
def stock(servers: Servers) -> Iterator[Stock]:
    made = Stock(servers.mongo_url)
    yield made
    made.clear()


def first_again(stock: Stock, first: Databases) -> None:
    """Uses others until the first are given out again."""
    stock.give_back(first)
    for _ in range(RESTING):
        stock.give_back(stock.take())
    assert stock.take() is first


def test_what_a_test_has_written_is_gone_and_the_indexes_stay(servers: Servers, stock: Stock) -> None:
    with MongoClient(servers.mongo_url) as client:
        taken = stock.take()
        database = client[f"{taken.prefix}router"]
        database["kept"].create_index("at")
        database.create_collection(NOTICES, capped=True, size=4096)
        stock.note(taken, database.name)
        for collection in ("kept", "further", NOTICES):
            database[collection].insert_one({"at": 1})
        client[f"{taken.prefix}content"]["contents"].insert_one({})
        first_again(stock, taken)
        assert database.list_collection_names() == ["kept"]
        assert database["kept"].count_documents({}) == 0
        assert "at_1" in database["kept"].index_information()
        assert taken.names(client) == [database.name]
        assert database.name in taken.made
        stock.clear()
        assert not taken.names(client)


def test_a_database_whose_collections_were_dropped_is_made_anew(servers: Servers, stock: Stock) -> None:
    with MongoClient(servers.mongo_url) as client:
        taken = stock.take()
        database = client[f"{taken.prefix}router"]
        database["kept"].create_index("at")
        stock.note(taken, database.name)
        database["kept"].drop()
        database["kept"].insert_one({})
        first_again(stock, taken)
        assert not taken.names(client)
        assert not taken.made
