"""What the scopes of a key open, in words. Pure."""

from __future__ import annotations

from collections.abc import Collection

from shared.auth import WORKSPACE_SCOPES, Principal

SCOPE_WORDS = {
    "email.send": ("Send mail", "and cancel or send again what was sent; by HTTP and SMTP"),
    "email.history": ("Read messages", "what was sent, what it says and what became of it"),
    "tracking.read": ("Read tracking", "opens and clicks"),
    "contacts": ("Contacts", "read and change them, their events and fields"),
    "templates": ("Templates", "read and change them"),
    "domains": ("Sending domains", "add them, rotate their keys, delete them"),
    "suppressions": ("Suppressions", "read them, add and remove them"),
    "webhooks": ("Webhooks", "endpoints, their secrets and deliveries"),
    "routing": ("Routing", "read and change rules and see the transports' health"),
    "keys": ("Keys", "make, change and revoke API keys and SMTP credentials"),
    "admin": ("The workspace", "its settings and audit log; a key with it may hand on every scope"),
}
Tick = tuple[str, str, str, bool]


def said_of(scopes: Collection[str]) -> str:
    """What a key may do, in one line."""
    if set(WORKSPACE_SCOPES) <= set(scopes):
        return "Everything"
    words = [SCOPE_WORDS[scope][0] if scope in SCOPE_WORDS else scope for scope in scopes]
    return ", ".join([word if place == 0 else word[0].lower() + word[1:] for place, word in enumerate(words)]) or "–"


def scope_ticks(principal: Principal, ticked: Collection[str] = ()) -> list[Tick]:
    """The boxes of a form for a key; what its maker cannot hand on cannot be ticked, unless it is ticked already."""
    own = principal.key.scopes
    return [
        (scope, words, about, "admin" in own or scope in own or scope in ticked)
        for scope, (words, about) in SCOPE_WORDS.items()
    ]
