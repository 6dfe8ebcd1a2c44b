"""Who may see the pages and press their buttons."""

from __future__ import annotations

import pytest

from tests.fixtures.console import is_led_to_sign_in, words
from tests.integration.webhooks.console.conftest import PAGE, Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGES = (
    "", "/new", "/summary", "/{id}", "/{id}/standing", "/{id}/deliveries/{delivery}", "/{id}/tasks", "/{id}/replay",
    "/{id}/backfill", "/{id}/signing", "/{id}/settings",
)  # fmt: skip
STREAMS = ("/live", "/summary/live", "/{id}/live", "/{id}/deliveries/{delivery}/live", "/{id}/tasks/live")
FORMS = (
    "/new", "/{id}/settings", "/{id}/enable", "/{id}/disable", "/{id}/delete", "/{id}/test", "/{id}/retry-failed",
    "/{id}/deliveries/{delivery}/retry", "/{id}/replay", "/{id}/backfill", "/{id}/rotate",
    "/{id}/replays/{task}/cancel", "/{id}/backfills/{task}/cancel",
)  # fmt: skip


async def filled(desk: Desk, paths: tuple[str, ...]) -> list[str]:
    """The paths with an endpoint, a delivery and a task in them that are there."""
    id_ = await desk.endpoint("/access")
    delivery = await desk.tested(id_)
    task = await desk.world.ask("POST", f"{id_}/replay", 202, {"since": "2026-01-01T00:00:00Z"})
    return [PAGE + path.format(id=id_, delivery=delivery, task=task["id"]) for path in paths]


async def test_each_page_is_there_for_whom_it_is_for(desk: Desk) -> None:
    for path in await filled(desk, PAGES):
        assert (await desk.visitor.get(path)).status_code == 200, path


async def test_who_has_not_signed_in_is_led_there(desk: Desk) -> None:
    for path in await filled(desk, PAGES + STREAMS):
        assert is_led_to_sign_in(await desk.nobody.get(path)), path
    for path in await filled(desk, FORMS):
        assert is_led_to_sign_in(await desk.nobody.send(path)), path


async def test_without_the_scope_nothing_is_seen_or_done(desk: Desk) -> None:
    for path in await filled(desk, PAGES + STREAMS):
        assert (await desk.narrow.get(path)).status_code == 403, path
    for path in await filled(desk, FORMS):
        assert (await desk.narrow.send(path)).status_code == 403, path


async def test_a_form_of_nobodys_session_does_nothing(desk: Desk) -> None:
    paths = await filled(desk, FORMS)
    before = await desk.views()
    for path in paths:
        for token in ("", "0" * 64):
            assert (await desk.visitor.send(path, token)).status_code == 403, path
    assert await desk.views() == before


async def test_another_workspaces_endpoint_is_not_there(desk: Desk) -> None:
    for path in await filled(desk, PAGES + STREAMS):
        if path not in (PAGE, f"{PAGE}/new", f"{PAGE}/summary", f"{PAGE}/live", f"{PAGE}/summary/live"):
            assert (await desk.stranger.get(path)).status_code == 404, path
    for path in await filled(desk, FORMS):
        if path != f"{PAGE}/new":
            assert (await desk.stranger.send(path)).status_code == 404, path
    assert "No endpoints yet" in words(await desk.stranger.get(PAGE))
    assert "No endpoints yet" in words(await desk.stranger.get(f"{PAGE}/summary"))


async def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    id_ = await desk.endpoint("/access")
    for path in ("nothing", f"{id_}/deliveries/msg_x", "nothing/settings", "nothing/signing"):
        assert (await desk.visitor.get(f"{PAGE}/{path}")).status_code == 404, path
    for path in (f"{id_}/deliveries/msg_x/retry", f"{id_}/replays/x/cancel", "nothing/test"):
        assert (await desk.visitor.send(f"{PAGE}/{path}")).status_code == 404, path
