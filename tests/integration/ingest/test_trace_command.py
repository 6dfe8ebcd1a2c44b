"""`posthorn trace` against an API that is served."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.ingest.projection.fold import Delta, delta_of, webhook_delta
from services.ingest.store.messages import Messages
from shared.contracts.events import Event, EventType, accepted_event, event_of
from shared.contracts.messages import Message
from shared.tokens import uuid7
from tests.fixtures.deployment import Deployment
from tests.fixtures.served import served
from tests.integration.ingest.conftest import Door, open_door
from tests.unit.ingest.lives import BEGAN, make_message, outcome, webhook

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass
class Command:
    """The command, the API behind it, and the read model that it reads."""

    door: Door
    messages: Messages
    environ: dict[str, str]

    async def run(self, *arguments: str, **environ: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        kept = {name: None for name in os.environ if name.startswith("POSTHORN_")}
        given = {**kept, **self.environ, "POSTHORN_API_KEY": self.door.key, **environ}
        ended = await asyncio.to_thread(CliRunner().invoke, app, ["trace", *arguments], env=given)
        return ended.exit_code, ended.stdout, ended.stderr

    async def says(self, *arguments: str, **environ: str) -> str:
        code, out, err = await self.run(*arguments, **environ)
        assert (code, err) == (0, "")
        return out

    async def tell(self, message: Message, *events: Event) -> None:
        deltas = {message.message_id: Delta()}
        for event in events:
            deltas[event.message_id].add(delta_of(event))
        await self.messages.write(deltas)
        posted = webhook(message.message_id, 2).with_changes(workspace_id=self.door.workspace.id)
        await self.messages.write({message.message_id: webhook_delta(posted)})

    def message(self) -> Message:
        return make_message(message_id=uuid7(), workspace_id=self.door.workspace.id, trace=TRACE, attempt=1)


@pytest.fixture
async def command(deployment: Deployment, tmp_path: Path) -> AsyncIterator[Command]:
    async with open_door(deployment) as door, served(door.api) as url:
        environ = {"POSTHORN_PUBLIC_URL": url, "POSTHORN_HOME": str(tmp_path), "COLUMNS": "140"}
        yield Command(door, Messages(deployment.database("ingest")), environ)


async def a_bounce(command: Command) -> Message:
    message = command.message()
    said = {
        **outcome(message, BEGAN),
        "host": "mx.example.test", "ip": "192.0.2.9", "source": "198.51.100.7", "code": 550, "enhanced": "5.1.1",
        "reply": "5.1.1 no such user", "class": "invalid_recipient", "hard": True, "stage": "rcpt",
        "tls": {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384"}, "timings": {"connect": 12, "rcpt": 3},
        "transcript": [{"stage": "rcpt", "sent": "RCPT TO:<x@y.test>", "code": 550, "reply": "550 5.1.1 no such user",
                        "ms": 3}],
    }  # fmt: skip
    bounced = event_of(message, EventType.BOUNCED, BEGAN + timedelta(seconds=3), said)
    await command.tell(message, accepted_event(message), bounced)
    return message


async def test_a_life_reads_from_its_acceptance_to_the_webhook(command: Command) -> None:
    message = await a_bounce(command)
    out = await command.says(message.message_id, POSTHORN_TRACE_URL="https://tempo.test/trace/{trace_id}")
    told = [
        f"{message.message_id}  bounced",
        "There is no such mailbox.",  # the console's own words
        "Ask for another address",
        "Accepted and stored.",
        "Route chosen",
        "lost: second",  # why a candidate was not taken
        "Nothing suppresses the recipient.",
        "Attempt 1: refused",
        "[192.0.2.9]",
        "from 198.51.100.7; TLSv1.3, TLS_AES_256_GCM_SHA384",
        "took connect 12 ms, rcpt 3 ms",
        "rcpt > RCPT TO:<x@y.test>",
        "rcpt < 550 5.1.1 no such user (3 ms)",
        "Webhook",
        "trace 4bf92f3577b34da6a3ce929d0e0e4736  https://tempo.test/trace/4bf92f3577b34da6a3ce929d0e0e4736",
    ]
    at = 0
    for text in told:
        assert text in out[at:], f"{text!r} after\n{out[:at]}\nin\n{out[at:]}"
        at = out.index(text, at)
    assert max(map(len, out.splitlines())) <= 120
    assert "https://" not in (await command.says(message.message_id)).splitlines()[-1]


async def test_what_was_said_in_a_good_attempt_is_shown_on_demand(command: Command) -> None:
    message = command.message()
    delivered = event_of(message, EventType.DELIVERED, BEGAN + timedelta(seconds=3), outcome(message, BEGAN))
    await command.tell(message, accepted_event(message), delivered)
    assert "rcpt < 250 ok" not in await command.says(message.message_id)
    assert "rcpt < 250 ok (3 ms)" in await command.says(message.message_id, "--transcript")


async def test_json_has_the_message_the_timeline_and_the_link(command: Command) -> None:
    message = await a_bounce(command)
    found = json.loads(await command.says(message.message_id.upper(), "--json", "--trace-url", "http://j/{trace_id}"))
    assert found["message"]["uuid"] == message.message_id
    steps = [entry["step"] for entry in found["timeline"]]
    assert steps == ["accepted", "routed", "checked", "attempt", "webhook"]
    assert found["trace_url"] == "http://j/4bf92f3577b34da6a3ce929d0e0e4736"


async def test_what_cannot_be_shown_is_said_in_one_line(command: Command) -> None:
    unknown = uuid7()
    sender = await command.door.workspaces.create_api_key(command.door.workspace.id, "send", ["email.send"])
    for arguments, environ, code, words in (
        ((unknown,), {}, 1, f"has no message {unknown}"),
        (("hello",), {}, 2, "hello is no message id"),
        ((unknown,), {"POSTHORN_API_KEY": ""}, 2, "no key: give --key or POSTHORN_API_KEY"),
        ((unknown,), {"POSTHORN_API_KEY": "nonsense"}, 1, "the API does not know the key"),
        ((unknown,), {"POSTHORN_API_KEY": sender.secret or ""}, 1, "it needs the scope email.history"),
        ((unknown,), {"POSTHORN_PUBLIC_URL": "http://127.0.0.1:1"}, 1, "does not answer"),
    ):
        ended, out, err = await command.run(*arguments, **environ)
        assert (ended, out) == (code, ""), words
        assert words in err
        assert len(err.splitlines()) == 1
