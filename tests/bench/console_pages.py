"""What users of the console ask for: each page, and each way of searching, with values that a month of mail has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from urllib.parse import urlencode

from tests.bench.month_of_mail import RECIPIENTS, host, order_number, recipient
from tests.bench.visiting import Browser, Pages, ids_in, older_than

LIST = "/console/messages"
VALUES = 50  # of what is asked for by a value, so that no answer is one that MongoDB has just given


async def pages_of(browser: Browser, messages: int, until: datetime) -> Pages:
    """By kind of page, paths of a read model with so many messages of the month before `until`."""
    draw = Random(1)
    newest = await browser.page(LIST)
    numbers = [draw.randrange(RECIPIENTS) for _ in range(VALUES)]
    days = [until - timedelta(days=draw.uniform(1, 29)) for _ in range(VALUES)]
    bounced = ids_in(await browser.page(searched(status="bounced")))
    searches: dict[str, list[dict[str, str]]] = {
        "list": [{}],
        "status, common": [{"status": "delivered"}],
        "status, rare": [{"status": "deferred"}],
        "recipient": [{"recipient": recipient(number)} for number in numbers],
        "recipient's beginning": [{"recipient": recipient(number)[:8]} for number in numbers],
        "domain, common": [{"recipient": f"@{host(number)}"} for number in range(3)],
        "domain, rare": [{"recipient": f"@{host(1999 - number)}"} for number in range(VALUES)],
        "sender": [{"sender": "accounts@shop.example"}],
        "subject, common": [{"subject": "your order"}],
        "subject, rare": [{"subject": str(order_number(draw.randrange(messages)))} for _ in numbers],
        "anything": [{"q": recipient(number).partition("@")[0]} for number in numbers],
        "tag": [{"tag": "spring"}],
        "stream": [{"stream": "billing"}],
        "bounce class": [{"bounce_class": "mailbox_full"}],
        "hours": [
            {"from": f"{day:%Y-%m-%dT%H:%M}", "to": f"{day + timedelta(hours=3):%Y-%m-%dT%H:%M}"} for day in days
        ],
        "two that seldom meet": [{"recipient": f"@{host(number)}", "status": "suppressed"} for number in range(40)],
        "two that never meet": [{"subject": "order", "tag": "sign-in"}],
    }
    return {
        "overview": ["/console"],
        **{kind: [searched(**each) for each in queries] for kind, queries in searches.items()},
        "list, next page": [older_than(newest)],
        "message": [f"{LIST}/{id_}" for id_ in ids_in(newest)],
        "message, bounced": [f"{LIST}/{id_}" for id_ in bounced],
    }


def searched(**query: str) -> str:
    """The path of a search."""
    given: Mapping[str, str] = query
    return f"{LIST}?{urlencode(given)}" if given else LIST


def minute_of(moment: datetime) -> str:
    """As a browser's field of date and time gives it."""
    return f"{moment:%Y-%m-%dT%H:%M}"
