"""What is logged: a client library's repetitions are not."""

from __future__ import annotations

import logging

import pytest

from shared.telemetry import logging as ours
from shared.telemetry.logging import Seldom, without_addresses


def record(name: str, text: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "", 0, text, values, None)


def test_the_kafka_clients_say_each_thing_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(ours.time, "monotonic", lambda: now)
    seldom = Seldom(10)
    assert seldom.filter(record("aiokafka", "no connection to %s", 1))
    assert not seldom.filter(record("aiokafka", "no connection to %s", 2))
    assert seldom.filter(record("aiokafka.consumer", "no connection to %s", 1))
    assert seldom.filter(record("aiokafka", "something else"))
    now += 10
    assert seldom.filter(record("aiokafka", "no connection to %s", 1))


def test_our_own_words_are_never_left_out() -> None:
    seldom = Seldom()
    assert all(seldom.filter(record("services.ingest.publication.relay", "records refused")) for _ in range(3))


def test_no_address_is_logged_wherever_it_stands() -> None:
    said = without_addresses(
        None,
        "error",
        {
            "event": "request failed",
            "path": "/v1/people/messages/Ann+1@example.com",
            "exception": 'E11000 dup key: { address_key: "ann@example.com" }\n  ?email=ann%40example.com',
            "keys": ["<ann@example.com>", "0190b0b0"],
            "count": 2,
        },
    )
    assert said["path"] == "/v1/people/messages/(address)"
    assert said["exception"] == 'E11000 dup key: { address_key: "(address)" }\n  ?email=(address)'
    assert (said["keys"], said["count"], said["event"]) == (["<(address)>", "0190b0b0"], 2, "request failed")
