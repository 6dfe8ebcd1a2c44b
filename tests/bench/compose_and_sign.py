"""Prints what it costs to compose and to sign a message. Run: `python -m tests.bench.compose_and_sign`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from services.sender.mail.dkim import Signer
from shared.content import Content
from shared.dkim_keys import generate_key
from shared.mail.compose import compose

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def content_of(kib: int) -> Content:
    paragraph = (
        "<p>Ihre Bestellung ist unterwegs – danke! Sie finden sie <a href='https://shop.test/o/1'>hier</a>.</p>\n"
    )
    html = paragraph * (kib * 1024 * 3 // 4 // len(paragraph))
    text = "Ihre Bestellung ist unterwegs, danke!\n" * (kib * 1024 // 4 // 38)
    return Content(
        content_id="c",
        workspace_id="w",
        from_="Schöner Laden <orders@shop.test>",
        to=["Jane Doe <jane@example.test>", "john@example.test"],
        subject="Bestellung Nr. 4711 ist auf dem Weg – voraussichtlich morgen bei Ihnen",
        html=html,
        text=text,
        headers={"List-Unsubscribe": "<https://shop.test/u/" + "x" * 120 + ">", "X-Order": "4711"},
        expires_at=NOW,
    )


def microseconds(action: Callable[[], object], seconds: float = 0.5) -> float:
    """The best of three mean times of one call."""
    best = float("inf")
    for _ in range(3):
        count, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds / 3:
            action()
            count += 1
        best = min(best, elapsed / count)
    return best * 1e6


def main() -> None:
    signer = Signer("shop.test", "s1", generate_key()[0])
    for kib in (2, 50):
        content = content_of(kib)
        message = compose(content, message_id="0193-a", date=NOW)
        composing = microseconds(lambda content=content: compose(content, message_id="0193-a", date=NOW))
        signing = microseconds(lambda message=message: signer.sign(message, now=NOW))
        print(f"{kib:3} KiB: compose {composing:6.0f} µs, sign {signing:6.0f} µs ({len(message)} bytes)")


if __name__ == "__main__":
    main()
