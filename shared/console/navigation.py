"""The console's pages, whichever service renders them. A visitor sees those that the scopes of the session open."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the menu. `scope` opens it; None: every session does."""

    name: str
    path: str
    icon: str
    scope: str | None


@dataclass(frozen=True, slots=True)
class Group:
    title: str | None
    entries: tuple[Entry, ...]


MENU = (
    Group(
        None,
        (
            Entry("Overview", "/console", "overview", "email.history"),
            Entry("Messages", "/console/messages", "messages", "email.history"),
            Entry("Queue", "/console/queue", "queue", "email.history"),
            Entry("Suppressions", "/console/suppressions", "suppressions", "suppressions"),
        ),
    ),
    Group(
        "Sending",
        (
            Entry("Domains", "/console/domains", "domains", "domains"),
            Entry("Routing", "/console/routing", "routing", "routing"),
            Entry("Templates", "/console/templates", "templates", "templates"),
            Entry("Contacts", "/console/contacts", "contacts", "contacts"),
        ),
    ),
    Group(
        "Developers",
        (
            Entry("First message", "/console/start", "start", None),
            Entry("Webhooks", "/console/webhooks", "webhooks", "webhooks"),
            Entry("Keys", "/console/keys", "keys", "keys"),
            Entry("Workspace", "/console/workspace", "workspace", "admin"),
        ),
    ),
)


def is_current(entry: Entry, path: str) -> bool:
    """Whether a page is, or is below, an entry."""
    return path == entry.path or (entry.path != "/console" and path.startswith(f"{entry.path}/"))
