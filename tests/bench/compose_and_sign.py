"""Prints what it costs to compose and to sign a message: `python -m tests.bench.compose_and_sign`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from services.sender.mail.canonical import body_hash
from services.sender.mail.dkim import Signer, sign
from shared.content import Content
from shared.dkim_keys import generate_ed25519_key, generate_key
from shared.mail.compose import compose_parts
from shared.mail.lines import check_lines

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


def signers_of(kinds: str) -> list[Signer]:
    """One signer for each letter: `r` for RSA of 2048 bits, `e` for Ed25519."""
    made = {"r": generate_key, "e": generate_ed25519_key}
    return [Signer("shop.test", f"s{number}", made[kind]()[0]) for number, kind in enumerate(kinds)]


def made(content: Content, signers: Sequence[Signer]) -> bytes:
    """What the sender does for one message, links left out."""
    composed = compose_parts(content, message_id="0193-a", date=NOW)
    body = composed.whole_body()
    message = b"".join((sign(signers, composed.header, body_hash(body), now=NOW), composed.header, body))
    check_lines(message)
    return message


def costs(kib: int) -> dict[str, float]:
    """Microseconds for a content of so many KiB, signed once, and of that for composing and for RSA alone."""
    content, signers = content_of(kib), signers_of("r")
    return {
        "compose_us": round(microseconds(lambda: compose_parts(content, message_id="0193-a", date=NOW))),
        "rsa_us": round(microseconds(lambda: signers[0].sign_hash(bytes(32)))),
        "compose_and_sign_us": round(microseconds(lambda: made(content, signers))),
    }


def main() -> None:
    for kib in (2, 4, 50):
        content = content_of(kib)
        composing = microseconds(lambda content=content: compose_parts(content, message_id="0193-a", date=NOW))
        parts = [f"compose {composing:4.0f} µs"]
        for name, kinds in (("one signature", "r"), ("with the platform's", "rr"), ("and Ed25519", "rre")):
            signers = signers_of(kinds)
            took = microseconds(lambda content=content, signers=signers: made(content, signers))
            parts.append(f"{name} {took:5.0f} µs")
        print(f"{kib:3} KiB ({len(made(content, signers)):6} bytes): {', '.join(parts)}")


if __name__ == "__main__":
    main()
