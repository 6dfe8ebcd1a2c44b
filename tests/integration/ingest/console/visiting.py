"""Visitors of ingest's pages, and what is true of every page and every button."""

from __future__ import annotations

from services.ingest.settings import Settings
from tests.fixtures.console import VisitingClient, is_led_to_sign_in, signed_in
from tests.integration.ingest.conftest import Door, make_workspace

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


async def visitor(door: Door, key: str | None = None) -> VisitingClient:
    settings = door.deployment.settings(Settings)
    return await signed_in(door.http, door.deployment.database("ingest"), settings, key or door.key)


async def key_with(door: Door, *scopes: str) -> str:
    made = await door.workspaces.create_api_key(door.workspace.id, "narrow", scopes)
    assert made.secret is not None
    return made.secret


async def stranger(door: Door) -> VisitingClient:
    """Who has signed in to another workspace, with every scope and feature."""
    _, key = await make_workspace(
        door.workspaces, features=["smtp.enabled", "domains.enabled", "webhooks.enabled", "templates.enabled"]
    )
    return await visitor(door, key)


async def assert_pages_guarded(door: Door, scope: str, *paths: str) -> None:
    """Without a session a page leads to the sign-in; without the scope it says what lacks."""
    nobody, narrow = await visitor(door), await visitor(door, await key_with(door, "tracking.read"))
    nobody.session = None
    for path in paths:
        assert is_led_to_sign_in(await nobody.get(path)), path
        reply = await narrow.get(path)
        assert reply.status_code == 403, path
        assert scope in reply.text, path


async def assert_buttons_guarded(door: Door, *paths: str) -> None:
    """A form needs its session, the session's own token and the scope, whatever it asks for."""
    owner, narrow = await visitor(door), await visitor(door, await key_with(door, "tracking.read"))
    nobody = await visitor(door)
    nobody.session = None
    for path in paths:
        assert is_led_to_sign_in(await nobody.send(path, "0" * 64)), path
        assert (await owner.send(path, "")).status_code == 403, path
        assert (await owner.send(path, "0" * 64)).status_code == 403, path
        assert (await narrow.send(path)).status_code == 403, path
