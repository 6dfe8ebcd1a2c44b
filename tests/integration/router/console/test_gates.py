"""Who may see and press what: sessions, scopes, form tokens and workspaces."""

from __future__ import annotations

import pytest

from shared.contracts.entities import Kind
from tests.fixtures.console import VisitingClient, is_led_to_sign_in
from tests.integration.router.conftest import Router
from tests.integration.router.console.visiting import ROUTING, RULES, TRANSPORTS, direct, transport, visit

PAGES = (
    ROUTING, f"{ROUTING}/summary", f"{ROUTING}/explain", RULES, f"{TRANSPORTS}/new", f"{TRANSPORTS}/relay",
    f"{TRANSPORTS}/relay/edit", f"{ROUTING}/live", f"{ROUTING}/summary/live",
)  # fmt: skip
HEALTH = f"{ROUTING}/domains/shop.test/health"
ACTIONS = (
    RULES, f"{ROUTING}/explain", TRANSPORTS, f"{TRANSPORTS}/relay/edit", f"{TRANSPORTS}/relay/enabled",
    f"{TRANSPORTS}/relay/delete", f"{TRANSPORTS}/relay/breaker",
)  # fmt: skip


async def test_without_a_session_every_page_leads_to_the_sign_in(router: Router) -> None:
    async with router.running("http") as client:
        visitor = await visit(router, client)
        nobody = VisitingClient(client, visitor.sessions, None)
        for path in (*PAGES, HEALTH):
            assert is_led_to_sign_in(await nobody.get(path)), path
        for path in ACTIONS:
            assert is_led_to_sign_in(await nobody.send(path)), path


async def test_without_the_scope_nothing_is_shown_or_done(router: Router) -> None:
    await transport(router, "relay")
    async with router.running("http") as client:
        sender = await visit(router, client, "email.send")
        for path in (*PAGES, HEALTH):
            assert (await sender.get(path)).status_code == 403, path
        for path in ACTIONS:
            assert (await sender.send(path, enabled="no")).status_code == 403, path
        domains = await visit(router, client, "domains")
        assert (await domains.get(HEALTH)).status_code == 200
        assert (await domains.get(ROUTING)).status_code == 403
    kept = await router.entities.get(Kind.TRANSPORT, "relay")
    assert kept is not None
    assert (kept.version, kept.deleted) == (1, False)


@pytest.mark.parametrize("token", ["", "0" * 64])
async def test_a_form_of_another_session_does_nothing(router: Router, token: str) -> None:
    await transport(router, "relay")
    async with router.running("http") as client:
        visitor = await visit(router, client)
        for path in ACTIONS:
            assert (await visitor.send(path, token, enabled="no")).status_code == 403, path
    kept = await router.entities.get(Kind.TRANSPORT, "relay")
    assert kept is not None
    assert (kept.version, kept.deleted) == (1, False)


async def test_the_transport_of_another_workspace_is_not_there(router: Router) -> None:
    await transport(router, "theirs", "w2")
    async with router.running("http") as client:
        visitor = await visit(router, client)
        for path in ("", "/edit"):
            assert (await visitor.get(f"{TRANSPORTS}/theirs{path}")).status_code == 404
        for path in ("/edit", "/enabled", "/delete", "/breaker"):
            fields = {"name": "x", "state": "open", "reason": "x", "port": "25", "tls": "verify", "weight": "1"}
            assert (await visitor.send(f"{TRANSPORTS}/theirs{path}", **fields)).status_code == 404, path


async def test_a_shared_transport_is_shown_and_only_the_operator_changes_it(router: Router) -> None:
    await direct(router)
    async with router.running("http") as client:
        visitor = await visit(router, client)
        page = await visitor.get(f"{TRANSPORTS}/direct")
        assert page.status_code == 200
        assert "Delete" not in page.text
        assert (await visitor.get(f"{TRANSPORTS}/direct/edit")).status_code == 403
        fields = {"name": "x", "state": "open", "reason": "x", "port": "25", "tls": "verify", "weight": "1"}
        for path in ("/edit", "/enabled", "/delete", "/breaker"):
            assert (await visitor.send(f"{TRANSPORTS}/direct{path}", **fields)).status_code == 403, path
    kept = await router.entities.get(Kind.TRANSPORT, "direct")
    assert kept is not None
    assert kept.version == 1
