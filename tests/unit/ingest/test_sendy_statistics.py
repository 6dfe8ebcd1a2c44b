"""Rates as the example of Sendy's own page has them."""

from __future__ import annotations

from services.ingest.dialects.sendy.statistics import statistics_view

COUNTS = {
    "taken": 1230, "bounced": 15, "opened": 654, "opens": 890, "clicked": 189, "clicks": 234, "complained": 2,
    "unsubscribed": 8,
}  # fmt: skip


def test_the_rates_are_percent_of_what_was_delivered_and_of_what_was_sent() -> None:
    assert statistics_view(COUNTS) == {
        "sent": 1245, "delivered": 1230, "opens": 890, "uniqueOpens": 654, "clicks": 234, "uniqueClicks": 189,
        "bounces": 15, "complaints": 2, "unsubscribes": 8, "openRate": 53.2, "clickRate": 15.4, "bounceRate": 1.2,
    }  # fmt: skip


def test_of_nothing_the_rates_are_nothing() -> None:
    assert set(statistics_view(dict.fromkeys(COUNTS, 0)).values()) == {0}
