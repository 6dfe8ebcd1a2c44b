"""The pages that readers of mail see: whole in themselves, in no index, and with nothing of the reader in them.
Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256

STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:30rem;margin:4rem auto;padding:0 1rem;color:#222}"
    "button{font:inherit;padding:.5rem 1rem;margin:0 .5rem .5rem 0;cursor:pointer}"
)
STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Of every page: nothing is loaded from anywhere, and nothing is told to anybody."""

FIELD, ONE_CLICK = "List-Unsubscribe", "One-Click"
"""What a mailbox provider posts (RFC 8058 section 3.2)."""


class Wish(StrEnum):
    """What the buttons post as `subscription`."""

    OFF = "off"
    ON = "on"


_BUTTONS = {Wish.OFF: "Unsubscribe", Wish.ON: "Subscribe again"}


def confirmation(*, may_subscribe: bool) -> str:
    """Asks before anything changes: programs that look at links fetch this page too."""
    wishes = [Wish.OFF, Wish.ON] if may_subscribe else [Wish.OFF]
    text = "Do you want to stop these messages?" if not may_subscribe else "Do you want to get these messages?"
    return _page("Unsubscribe" if not may_subscribe else "Your subscription", text, wishes)


def done(wish: Wish) -> str:
    if wish is Wish.ON:
        return _page("Subscribed", "You are subscribed again.")
    return _page("Unsubscribed", "You are unsubscribed. It can take a moment until the last message has arrived.")


def nothing_changed() -> str:
    return _page("Nothing has changed", "This request did not say what to do. Please use the link in the message.")


def unknown() -> str:
    return _page("Unknown link", "This link is not known, or not whole. Please copy all of it from the message.")


def try_again() -> str:
    return _page("Not now", "This did not work. Nothing is lost: please try again in a minute.")


def _page(title: str, text: str, wishes: list[Wish] | None = None) -> str:
    buttons = "".join(f'<button name="subscription" value="{wish}">{_BUTTONS[wish]}</button>' for wish in wishes or ())
    form = f'<form method="post">{buttons}</form>' if buttons else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="robots" content="noindex,nofollow">'
        f"<title>{title}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{title}</h1><p>{text}</p>{form}</main></body></html>"
    )
