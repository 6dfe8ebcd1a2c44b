"""A shop's mail of this minute: who it writes to, about what, and what becomes of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

NAMES = ("ann.person", "bo.larsen", "chidi.okafor", "dana.levi", "elena.rossi", "farid.haddad", "gabriel.silva", "hiro")
HOSTS = ("mail.example", "corp.example", "post.example", "univ.test")
KINDS = (
    ("Your sign-in code", "authentication", "login", "Your code is 482910. It is good for ten minutes."),
    ("Reset your password", "security", "password", "Follow the link to choose another password."),
    ("Receipt for order 10482", "billing", "receipt", "Thank you. The total is 84.00 EUR."),
    ("Invoice 2026-11-0042", "billing", "invoice", "The invoice is attached."),
    ("Your parcel is on its way", "product", "shipping", "It left our house this morning."),
)
# what the sink does to the address that is named so
FATES = ("", "permfail", "blocked", "mailbox-full", "greylist", "reject-data", "tempfail")
WEIGHTS = (80, 4, 2, 2, 6, 1, 3)


def requests(count: int, sender: str, seed: int = 8) -> Iterator[dict[str, Any]]:
    """Bodies for `POST /v1/emails`, the same for the same seed."""
    rng = random.Random(seed)
    for number in range(count):
        subject, stream, tag, text = rng.choice(KINDS)
        fate = rng.choices(FATES, WEIGHTS)[0]
        name = f"{fate}+{number}" if fate else rng.choice(NAMES)
        yield {
            "from": f"Acme Shop <{sender}>",
            "to": [f"{name}@{rng.choice(HOSTS)}"],
            "subject": subject,
            "text": text,
            "html": page(subject, text),
            "stream": stream,
            "tags": [tag],
            "metadata": {"order": str(10_000 + number)},
        }


def page(subject: str, text: str) -> str:
    return (
        '<html><body style="font-family: Georgia, serif; background: #f4f1ea; padding: 32px">'
        '<div style="max-width: 480px; margin: auto; background: #fff; padding: 32px; border-radius: 8px">'
        f'<h1 style="font-size: 24px; color: #3d5a40">{subject}</h1><p style="font-size: 16px">{text}</p>'
        '<p><a style="background: #3d5a40; color: #fff; padding: 10px 18px; border-radius: 6px; text-decoration: none"'
        ' href="https://shop.example/orders">Open the shop</a></p></div></body></html>'
    )
