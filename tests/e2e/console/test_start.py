"""From nothing to a first delivered message on one page; and the snippets that stand there, run."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import expect

from services.ingest.console.snippets import Snippet, Values, snippets_of
from tests.e2e.account import Account, fresh
from tests.e2e.console.conftest import OpenConsole
from tests.fixtures.deployment import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def run(*command: str | Path, environ: dict[str, str] | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, **(environ or {})}
    )
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return out.decode()


async def test_the_first_message_shows_its_trace_as_it_happens(console: OpenConsole, shop: Account) -> None:
    page = (await console("/console/start")).page
    await expect(page.get_by_text("Waits for the first message")).to_be_visible()
    await page.get_by_role("button", name="Make a key").click()
    await expect(page.get_by_text("it is shown this once")).to_be_visible()
    command = await page.get_by_label("curl code", exact=True).inner_text()
    assert "your API key" not in command
    recipient = fresh("ok")
    await run("bash", "-c", command.replace(f'"to": ["{shop.sender}"]', f'"to": ["{recipient}"]'))
    await expect(page.locator("ol.timeline").get_by_text("Attempt 1: delivered")).to_be_visible(timeout=20_000)
    for name in ("Python", "Node", "PHP", "Django", "Rails", "SMTP"):
        await page.get_by_text(name, exact=True).click()
        await expect(page.get_by_label(f"{name} code", exact=True)).to_be_visible()
        await expect(page.get_by_label("curl code", exact=True)).to_be_hidden()


async def arrives(shop: Account, recipient: str) -> None:
    async def found() -> list[dict[str, Any]]:
        return list((await shop.get(f"/v1/emails?recipient={quote(recipient)}"))["data"])

    (message,) = await eventually(found, what="the message")
    await shop.reaches(message["uuid"], "delivered")


def snippet(shop: Account, id_: str, recipient: str) -> Snippet:
    home = shop.home
    values = Values(
        home["base_url"], home["api_key"], shop.sender, recipient, home["smtp"]["host"], home["smtp"]["port"]
    )
    return next(one for one in snippets_of(values) if one.id == id_)


@pytest.mark.parametrize("id_", ["curl", "python", "node"])
async def test_a_snippet_sends_a_message(shop: Account, tmp_path: Path, id_: str) -> None:
    program = {"curl": "bash", "python": sys.executable, "node": shutil.which("node")}[id_]
    if program is None:
        pytest.skip("there is no node here")
    recipient = fresh("ok")
    file = tmp_path / f"send.{'mjs' if id_ == 'node' else id_}"
    file.write_text(snippet(shop, id_, recipient).text)
    await run(program, file)
    await arrives(shop, recipient)


async def test_django_s_settings_send_a_message(shop: Account, tmp_path: Path) -> None:
    recipient = fresh("ok")
    text = snippet(shop, "django", recipient).text
    (tmp_path / "site_settings.py").write_text(text)
    send = text.partition("anywhere: ")[2].strip()
    certificate = shop.stack.env["POSTHORN_SMTP_CERTIFICATE_FILE"]
    program = f"import django; django.setup(); from django.core.mail import send_mail; {send}"
    environ = {"DJANGO_SETTINGS_MODULE": "site_settings", "PYTHONPATH": str(tmp_path), "SSL_CERT_FILE": certificate}
    await run(sys.executable, "-c", program, environ=environ)
    await arrives(shop, recipient)
