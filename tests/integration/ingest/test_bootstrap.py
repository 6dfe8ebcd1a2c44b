"""`posthorn bootstrap` as a process of its own, while the services' copies of the configuration run."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.ingest.bootstrap import COPIES
from services.ingest.settings import Settings
from shared.auth import WORKSPACE_SCOPES
from shared.contracts.entities import Kind
from shared.dkim_keys import txt_record
from shared.mongo.entities import Entities
from shared.secrets import SecretBox, api_key_digest
from shared.service import Base
from tests.fixtures.deployment import Deployment
from tests.integration.ingest.conftest import Door, open_door
from tests.integration.ingest.smtp_door import open_smtp, plain

POSTHORN = Path(sys.executable).with_name("posthorn")


@asynccontextmanager
async def copies(deployment: Deployment) -> AsyncIterator[None]:
    """What every other service does to have its copy, without the rest of it."""
    async with AsyncExitStack() as stack:
        for name, kinds in COPIES.items():
            await deployment.prepare()
            await Entities(deployment.database(name)).create_notices()
            base = Base(name, deployment.settings(Settings), set(), copied=kinds)
            base.copy_configuration()
            await stack.enter_async_context(base.running())
        yield


async def run(deployment: Deployment, home: Path, *arguments: str) -> tuple[int, str, str]:
    settings = {f"POSTHORN_{name.upper()}": str(value) for name, value in deployment.environment.items()}
    environment = {name: text for name, text in os.environ.items() if not name.startswith("POSTHORN_")}
    extra = {"POSTHORN_HOME": str(home), "POSTHORN_SINK_URL": "http://sink", "POSTHORN_RECEIVER_URL": "http://hooks"}
    process = await asyncio.create_subprocess_exec(
        POSTHORN, "bootstrap", *arguments, env={**environment, **settings, **extra},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
async def door(deployment: Deployment) -> AsyncIterator[Door]:
    await deployment.prepare("ingest", topics=("config.changes", "config.changes.dlq"))
    async with open_door(deployment) as opened, copies(deployment):
        yield opened


async def test_bootstrap_prints_one_object_and_everybody_knows_it(door: Door, tmp_path: Path) -> None:
    code, out, err = await run(door.deployment, tmp_path, "Shop", "--sender", "Shop <Hello@Shop.Example>", "--json")
    assert code == 0, err
    made: dict[str, Any] = json.loads(out)
    settings = door.deployment.settings(Settings)
    assert {name: made[name] for name in made if name not in ("workspace", "api_key", "smtp")} == {
        "base_url": settings.public_url,
        "sender": "Hello@shop.example",
        "sink_url": "http://sink",
        "receiver_url": "http://hooks",
        "console_url": f"{settings.public_url}/console",
    }
    assert (made["smtp"]["host"], made["smtp"]["port"]) == ("127.0.0.1", 587)
    async with open_smtp(door, tmp_path) as smtp, smtp.talk(login=False) as talk:
        assert await talk.ask(f"AUTH PLAIN {plain(made['smtp']['user'], made['smtp']['password'])}") == "235 2.7.0"
        assert await talk.ask(f"MAIL FROM:<{made['sender']}>") == "250 2.1.0"
    for name in ("ingest", *COPIES):
        entities = Entities(door.deployment.database(name))
        workspace = await entities.get(Kind.WORKSPACE, made["workspace"])
        [key] = await entities.find(Kind.API_KEY, {"workspace_id": made["workspace"]})
        assert workspace is not None
        assert {"smtp.enabled", "domains.enabled"} <= set(workspace.data["features"])
        assert workspace.data["owner_verified"]
        assert workspace.data["default_sender"] == "Hello@shop.example"
        assert set(key.data["scopes"]) == set(WORKSPACE_SCOPES)
        assert key.data["digest"] == api_key_digest(settings.pepper_bytes, made["api_key"])
        assert made["api_key"] not in str(key.data)
    await assert_domain_signs(door, made["workspace"], tmp_path)
    body = {"from": made["sender"], "to": ["a@b.test"], "subject": "s", "text": "t"}
    reply = await door.post(body, headers={"Authorization": f"Bearer {made['api_key']}"})
    assert reply.status_code == 202, reply.text


async def assert_domain_signs(door: Door, workspace_id: str, home: Path) -> str:
    """The sender's copy opens to the key whose public half the local name server answers with."""
    from cryptography.hazmat.primitives import serialization

    [domain] = await Entities(door.deployment.database("sender")).find(Kind.DOMAIN, {"workspace_id": workspace_id})
    assert (domain.data["name"], domain.data["verified"], domain.data["active"]) == ("shop.example", True, "ph1")
    [pair] = domain.data["keys"]
    assert pair["selector"] == "ph1"
    box = SecretBox(door.deployment.settings(Settings).encryption_key_bytes)
    private = serialization.load_pem_private_key(box.open(pair["private_key"], f"dkim:{domain.id}"), None)
    assert private.key_size == 2048
    names = json.loads((home / "dns.json").read_text())
    assert names["ph1._domainkey.shop.example"] == [txt_record(pair["public_key"])]
    return str(pair["public_key"])


async def test_twice_makes_two_workspaces_that_sign_with_the_selectors_one_key(door: Door, tmp_path: Path) -> None:
    arguments = ("Shop", "--sender", "hello@shop.example", "--json")
    first, second = [json.loads((await run(door.deployment, tmp_path, *arguments))[1]) for _ in range(2)]
    assert first["workspace"] != second["workspace"]
    assert first["api_key"] != second["api_key"]
    keys = {await assert_domain_signs(door, made["workspace"], tmp_path) for made in (first, second)}
    assert len(keys) == 1


async def test_what_goes_wrong_is_said_in_words(door: Door, tmp_path: Path) -> None:
    code, out, err = await run(door.deployment, tmp_path, "Shop", "--sender", "nobody", "--json")
    assert (code, out) == (1, "")
    assert "--sender is not a valid e-mail address" in err
    assert "Traceback" not in err
