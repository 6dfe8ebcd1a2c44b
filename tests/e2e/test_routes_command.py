"""`posthorn routes` on a running stack: a file is compared, applied and shown, its mail is explained, and its decisions
are made again."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.account import Account, fresh, make_home, open_account

CHANGES = 2
TOOK_BEFORE = "a transport before it in the failover order was taken"


@dataclass
class Shop:
    """A workspace of its own with the command and a file."""

    account: Account
    file: Path

    async def routes(self, *arguments: str, code: int = 0) -> str:
        """What the command prints, asked with the workspace's key."""
        command = [str(Path(sys.executable).with_name("posthorn")), "routes", *arguments]
        home = self.account.home
        given = {"POSTHORN_API_KEY": home["api_key"], "POSTHORN_PUBLIC_URL": home["base_url"], "COLUMNS": "250"}
        environment = {**os.environ, **self.account.stack.env, **given}
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return str(done.stdout)

    def write(self, **parts: Any) -> str:
        self.file.write_text(yaml.safe_dump(parts, sort_keys=False))
        return str(self.file)


@pytest.fixture
async def shop(account: Account, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_account(account.stack, make_home(account.stack)) as own:
        yield Shop(own, tmp_path / "routes.yaml")


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else gets meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def test_a_file_is_applied_its_mail_explained_and_its_decisions_made_again(shop: Shop, dead_port: int) -> None:
    account = shop.account
    host = {"kind": "smarthost", "host": "127.0.0.1", "tls": "opportunistic"}
    transports = {"away": {**host, "port": dead_port}, "relay": {**host, "port": account.stack.ports["sink_smtp"]}}
    route = [[{"transport": name}] for name in ("away", "relay", "direct")]
    file = shop.write(transports=transports, rules=[{"id": "bills", "when": {"tags": ["bill"]}, "route": route}])
    shown = await shop.routes("diff", file, code=CHANGES)
    assert {"+ transport away", "+ transport relay", "+ rule bills"} <= {*shown.splitlines()}
    assert (await account.get("/v1/routes"))["rules"] == []
    await shop.routes("apply", file, "--yes")
    for command in ("diff", "apply"):
        assert await shop.routes(command, file) == "Nothing changes.\n"
    shop.file.write_text(await shop.routes("show"))
    assert await shop.routes("diff", file) == "Nothing changes.\n"

    recipient = fresh("ok")
    (message_id,) = await account.send(recipient, tags=["bill"])
    await account.reaches(message_id, "sent")
    first, second = await account.steps(message_id, "routed")
    assert {first["rule"], second["rule"]} == {"workspace:bills"}
    assert (first["why"], lost_of(first)) == (
        "it is the first in the failover order",
        {"away": None, "relay": TOOK_BEFORE, "direct": TOOK_BEFORE},
    )
    lost = lost_of(second)
    assert second["why"] == "it comes next behind the transport that failed"
    assert (lost["relay"], lost["direct"]) == (None, TOOK_BEFORE)
    assert lost["away"].startswith("its last attempt failed: ")
    assert "connection refused" in lost["away"]
    assert await account.deliveries_to(recipient) == 1

    same = json.loads(await shop.routes("replay", "--since", "30m", "--json"))
    assert (same["decisions"], same["otherwise"], same["by_another_rule"]) == (2, 0, 0)
    draft = shop.write(rules=[])
    said = await shop.routes("replay", "--since", "30m", "--file", draft)
    assert "2 would be others, 0 the same by another rule." in said
    assert "direct by default, standard" in said
    assert [rule["id"] for rule in (await account.get("/v1/routes"))["rules"]] == ["bills"]


def lost_of(routed: dict[str, Any]) -> dict[str, Any]:
    """Why each candidate of a decision lost, by its name."""
    return {each["name"].lower(): each.get("lost") for each in routed["candidates"]}
