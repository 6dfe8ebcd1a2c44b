"""A whole Posthorn as processes, with short waits, and a client of its own for each test."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.stack import Stack
from tests.fixtures.deployment import eventually
from tests.fixtures.own_ports import own_ports
from tests.fixtures.servers import Servers

QUICK = {
    "POSTHORN_RETRY_DELAYS": "[1]",
    "POSTHORN_GREYLIST_DELAYS": "[1]",
    "POSTHORN_AMBIGUOUS_DELAYS": "[1]",
    "POSTHORN_ROUTE_DOWN_DELAYS": "[0.5]",
    "POSTHORN_LEASE_SECONDS": "6",
    "POSTHORN_WEBHOOK_SCHEDULE": "[0, 1, 1, 1, 1]",
    "POSTHORN_SESSION_TIMEOUT_MS": "6000",
    "POSTHORN_SWEEP_SECONDS": "2",
}


@pytest.fixture(scope="session")
def stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack on the test run's servers, under a prefix that nobody else has."""
    prefix = f"e{secrets.token_hex(4)}_"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("POSTHORN_")}
    environ |= QUICK | {
        "POSTHORN_KAFKA_BOOTSTRAP": servers.kafka_bootstrap,
        "POSTHORN_MONGO_URL": servers.mongo_url,
        "POSTHORN_DB_PREFIX": prefix,
        "POSTHORN_TOPIC_PREFIX": prefix,
    }
    made = Stack(tmp_path_factory.mktemp("stack"), port_base=own_ports(23300), environ=environ)
    made.up()
    yield made
    made.down()


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
        reply = await self.http.get(f"/v1/emails/{message_id}")
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def reaches(self, message_id: str, *statuses: str, seconds: float = 30) -> dict[str, Any]:
        """Waits until the message has one of the statuses."""

        async def there() -> dict[str, Any] | None:
            email = await self.email(message_id)
            return email if email["status"] in statuses else None

        return await eventually(there, seconds=seconds, what=f"{statuses} of {message_id}")  # type: ignore[return-value]

    async def trace(self, message_id: str) -> list[dict[str, Any]]:
        reply = await self.http.get(f"/v1/emails/{message_id}/trace")
        assert reply.status_code == 200, reply.text
        return list(reply.json()["data"])

    async def deliveries_to(self, recipient: str) -> int:
        counts = (await self.sink.get("/counts", params={"recipient": recipient})).json()
        return int(counts["deliveries"].get(recipient, 0))

    async def attempts_to(self, recipient: str) -> int:
        counts = (await self.sink.get("/counts", params={"recipient": recipient})).json()
        return int(counts["attempts"].get(recipient, 0))


def bootstrap(stack: Stack, name: str, sender: str) -> dict[str, Any]:
    """Runs `posthorn bootstrap` as a user does; its standard output is the JSON alone."""
    command = [str(Path(sys.executable).with_name("posthorn")), "bootstrap", name, "--sender", sender, "--json"]
    done = subprocess.run(command, env=stack.env, capture_output=True, text=True, check=True, timeout=60)
    return dict(json.loads(done.stdout))


@pytest.fixture
async def account(stack: Stack) -> AsyncIterator[Account]:
    """A fresh workspace on the stack, with a sending domain of its own."""
    domain = f"d{secrets.token_hex(4)}.example"
    home = await asyncio.to_thread(bootstrap, stack, domain, f"no-reply@{domain}")
    async with (
        httpx.AsyncClient(
            base_url=home["base_url"], headers={"Authorization": f"Bearer {home['api_key']}"}, timeout=20
        ) as http,
        httpx.AsyncClient(base_url=home["sink_url"]) as sink,
        httpx.AsyncClient(base_url=home["receiver_url"]) as receiver,
    ):
        yield Account(stack, home, http, sink, receiver)
