"""Plunk's own client for Node.js against Posthorn, with only its `baseUrl` changed."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.plunk_calls import contact, mail
from tests.fixtures.mailers import plunk_node

__all__ = ["plunk_node"]
CALL = """
const Plunk = require("@plunk/node").default;
const {key, baseUrl, group, call, fields} = JSON.parse(process.env.CALL);
new Plunk(key, {baseUrl})[group][call](fields).then(
  reply => console.log(JSON.stringify({reply})),
  error => console.log(JSON.stringify({error: error.constructor.name, message: error.message})));
"""


async def call(account: Account, client: Path, of: str, fields: dict[str, Any], key: str | None = None) -> Any:
    """What the client returned, or which error it threw."""
    group, name = of.split(".")
    base_url = f"{account.home['base_url']}/v1/"
    asked = {"key": key or account.home["api_key"], "baseUrl": base_url, "group": group, "call": name, "fields": fields}
    environment = {**os.environ, "NODE_PATH": str(client / "node_modules"), "CALL": json.dumps(asked)}
    done = await asyncio.to_thread(
        subprocess.run, ["node", "-e", CALL], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_plunk_s_own_client_sends(account: Account, plunk_node: Path) -> None:
    to = fresh("ok")
    fields = {"to": to, "subject": "Welcome", "body": "<p>Hello</p>", "from": account.sender, "name": "Acme"}
    reply = (await call(account, plunk_node, "emails.send", {**fields, "type": "html", "subscribed": True}))["reply"]
    assert (reply["success"], reply["data"]["emails"][0]["contact"]["email"]) == (True, to)
    message = await mail(account, to)
    assert (message["subject"], message["from"]) == ("Welcome", f"Acme <{account.sender}>")
    assert ((await contact(account, to)) or {})["subscribed"] is True


async def test_plunk_s_own_client_tracks(account: Account, plunk_node: Path) -> None:
    fields = {"event": "new-project", "email": fresh("ok"), "data": {"company": "Plunk"}}
    reply = (await call(account, plunk_node, "events.track", fields))["reply"]
    assert reply["success"] is True
    found = await contact(account, str(fields["email"]))
    assert found
    assert (found["uuid"], found["attributes"]["company"]) == (reply["data"]["contact"], "Plunk")


async def test_plunk_s_own_client_understands_refusals(account: Account, plunk_node: Path) -> None:
    wrong = await call(account, plunk_node, "emails.send", {"to": "nobody"})
    assert wrong == {"error": "Error", "message": "Request validation failed"}
    unknown = await call(account, plunk_node, "emails.send", {"to": fresh("ok")}, key="sk_unknown")
    assert unknown["error"] == "TokenError"
