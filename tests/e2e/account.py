"""A workspace on a running stack, as its customer sees it: the API, the sink its mail goes to, the webhook receiver."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy.local.stack import Stack
from tests.fixtures.deployment import eventually


@dataclass
class Account:
    """A bootstrapped workspace and a client that speaks for it."""

    stack: Stack
    home: dict[str, Any]
    http: httpx.AsyncClient
    sink: httpx.AsyncClient
    receiver: httpx.AsyncClient

    @property
    def sender(self) -> str:
        return str(self.home["sender"])

    async def send(self, *to: str, headers: dict[str, str] | None = None, **fields: Any) -> list[str]:
        """Sends one request and returns the ids of its messages."""
        body = {"from": self.sender, "to": list(to), "subject": "Your code", "text": "482910"} | fields
        reply = await self.http.post("/v1/emails", json=body, headers=headers)
        assert reply.status_code == 202, reply.text
        return [message["uuid"] for message in reply.json()["data"]["messages"]]

    async def email(self, message_id: str) -> dict[str, Any]:
        return await self.get(f"/v1/emails/{message_id}")

    async def get(self, path: str) -> dict[str, Any]:
        reply = await self.http.get(path)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def make(self, path: str, **body: Any) -> dict[str, Any]:
        reply = await self.http.post(path, json=body)
        assert reply.status_code == 201, reply.text
        return dict(reply.json())

    async def reaches(self, message_id: str, *statuses: str, seconds: float = 30) -> dict[str, Any]:
        """Waits until the message has one of the statuses."""

        async def there() -> dict[str, Any] | None:
            email = await self.email(message_id)
            return email if email["status"] in statuses else None

        return await eventually(there, seconds=seconds, what=f"{statuses} of {message_id}")  # type: ignore[return-value]

    async def trace(self, message_id: str) -> list[dict[str, Any]]:
        return list((await self.get(f"/v1/emails/{message_id}/trace"))["data"])

    async def steps(self, message_id: str, step: str) -> list[dict[str, Any]]:
        """The entries of one kind in the message's timeline."""
        return [entry for entry in await self.trace(message_id) if entry["step"] == step]

    async def hook(self, *events: str, path: str = "") -> tuple[str, dict[str, Any]]:
        """A webhook endpoint at the receiver, which verifies what it gets; returns its name there and the endpoint."""
        name = f"hook-{secrets.token_hex(4)}"
        url = f"{self.home['receiver_url']}/hooks/{name}{path}"
        endpoint = await self.make("/v1/webhooks", url=url, events=list(events))
        await self.receiver.put(f"/secrets/{name}", json={"secret": endpoint["secret"]})
        return name, endpoint

    async def hooked(self, name: str, count: int, *messages: str) -> list[dict[str, Any]]:
        """The webhooks about those messages that came to a name, oldest first, as soon as there are `count`.

        An endpoint hears of every message of its workspace, those of the test before among them.
        """

        async def there() -> list[dict[str, Any]] | None:
            got = (await self.receiver.get("/received", params={"name": name})).json()
            about = [each for each in got if each["json"]["data"]["message_id"] in messages]
            return about[::-1] if len(about) >= count else None

        return await eventually(there, seconds=30, what=f"{count} webhooks at {name}")  # type: ignore[return-value]

    async def transport(self, port: int, name: str = "smart") -> dict[str, Any]:
        """A smart host of this machine."""
        return await self.make(
            "/v1/transports", name=name, kind="smarthost", host="127.0.0.1", port=port, tls="opportunistic"
        )

    async def route(self, *transports: str) -> None:
        reply = await self.http.put("/v1/routes/default", json={"transports": list(transports)})
        assert reply.status_code == 200, reply.text

    async def mail(self, recipient: str) -> list[dict[str, Any]]:
        """What the sink holds for a recipient, newest first."""
        return list((await self.sink.get("/messages", params={"recipient": recipient})).json())

    async def deliveries_to(self, recipient: str) -> int:
        return await self._count("deliveries", recipient)

    async def attempts_to(self, recipient: str) -> int:
        return await self._count("attempts", recipient)

    async def _count(self, what: str, recipient: str) -> int:
        counts = (await self.sink.get("/counts", params={"recipient": recipient})).json()
        return int(counts[what].get(recipient.lower(), 0))


def bootstrap(stack: Stack, name: str, sender: str) -> dict[str, Any]:
    """Runs `posthorn bootstrap` as a user does; its standard output is the JSON alone."""
    command = [str(Path(sys.executable).with_name("posthorn")), "bootstrap", name, "--sender", sender, "--json"]
    done = subprocess.run(command, env=stack.env, capture_output=True, text=True, check=True, timeout=60)
    return dict(json.loads(done.stdout))


def make_home(stack: Stack) -> dict[str, Any]:
    """A fresh workspace with a sending domain of its own."""
    domain = f"d{secrets.token_hex(4)}.example"
    return bootstrap(stack, domain, f"no-reply@{domain}")


@asynccontextmanager
async def open_account(stack: Stack, home: dict[str, Any]) -> AsyncIterator[Account]:
    """The clients of a workspace."""
    key = {"Authorization": f"Bearer {home['api_key']}"}
    async with (
        httpx.AsyncClient(base_url=home["base_url"], headers=key, timeout=20) as http,
        httpx.AsyncClient(base_url=home["sink_url"]) as sink,
        httpx.AsyncClient(base_url=home["receiver_url"]) as receiver,
    ):
        yield Account(stack, home, http, sink, receiver)


def fresh(behaviour: str) -> str:
    """An address of the sink that no other test uses; see deploy/local/sink_behaviours.py for what they do."""
    return f"{behaviour}+{secrets.token_hex(4)}@sink.test"


def fresh_word() -> str:
    """A word that no other test uses and that nothing takes for a number, as YAML would eight digits."""
    return f"w{secrets.token_hex(6)}"
