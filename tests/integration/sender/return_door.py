"""A sender with its return door, and clients that bring it mail."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from services.sender.app import create_app
from services.sender.returns.addresses import ReturnAddresses, ReturnKind
from services.sender.settings import Settings
from shared.content import COLLECTION, Content, to_document
from shared.contracts.events import Event
from shared.contracts.messages import Message
from shared.contracts.topics import EVENTS
from tests.fixtures.deployment import eventually
from tests.integration.sender.world import QUICK, World

HOST = "127.0.0.1"
DOMAIN = "returns.posthorn.test"
FEEDBACK = f"complaints@{DOMAIN}"


class ReturnWorld:
    """What was sent, and the door that it may come back to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.deployment = world.deployment
        self.addresses = ReturnAddresses(world.deployment.shared.token_key_bytes)
        self.port = 0

    @asynccontextmanager
    async def open(self, *roles: str, **overrides: Any) -> AsyncIterator[None]:
        with socket.create_server((HOST, 0)) as free:
            self.port = free.getsockname()[1]
        ours = {"returns_domain": DOMAIN, "returns_port": self.port, "returns_feedback_addresses": [FEEDBACK]}
        ours |= {"returns_error_delay_seconds": 0.01}
        settings = self.deployment.settings(Settings, **{**QUICK, **ours, **overrides})
        async with create_app(settings, roles or ("deliver", "returns")).run():
            yield

    async def delivered(self, recipient: str = "ok@sink.test", **content: Any) -> Message:
        """A message that the sink has taken, of whatever content."""
        message = await self.world.message(recipient)
        if content:
            base = await self.deployment.database("content")[COLLECTION].find_one({"_id": message.content_id})
            fields = {name: value for name, value in base.items() if name != "_id"}
            changed = Content(content_id=message.content_id, **{**fields, **content})
            await self.deployment.database("content")[COLLECTION].replace_one(
                {"_id": message.content_id}, to_document(changed)
            )
        await self.world.clear(message)
        await self.world.events(message, "delivered")
        return message

    def bounce(self, message: Message) -> str:
        return self.addresses.make(ReturnKind.BOUNCE, message.message_id, DOMAIN)

    def reply(self, message: Message) -> str:
        return self.addresses.make(ReturnKind.REPLY, message.message_id, DOMAIN)

    async def bring(self, raw: bytes, *to: str, sender: str = "") -> str:
        """What the door says in the end to a standard client, by its code; of a refused recipient, its."""
        return await asyncio.to_thread(self._bring, raw, to, sender)

    def _bring(self, raw: bytes, to: tuple[str, ...], sender: str) -> str:
        with smtplib.SMTP(HOST, self.port, timeout=20) as client:
            try:
                client.sendmail(sender, list(to), raw)
            except smtplib.SMTPRecipientsRefused as refused:
                code, text = next(iter(refused.recipients.values()))
                return f"{code} {text.decode().split(' ')[0]}"
            except smtplib.SMTPResponseException as error:
                text = error.smtp_error
                return f"{error.smtp_code} {(text.decode() if isinstance(text, bytes) else text).split(' ')[0]}"
            return "250"

    async def event(self, message: Message, type_: str) -> Event:
        """The one event of this type, once it is there."""
        events = await self.world.events(message, type_)
        (found,) = (event for event in events if event.type == type_)
        return found

    async def records_of(self, message: Message, type_: str) -> int:
        """How often an event of the message was published."""
        records = await self.deployment.records(EVENTS)
        events = [Event.decode(record.value) for record in records]
        return sum(event.message_id == message.message_id and event.type == type_ for event in events)

    async def stored(self) -> list[dict[str, Any]]:
        return list(await self.deployment.database("sender")["returns"].find().to_list(None))


class Caller:
    """One connection that says just the bytes that it is told to; replies are given as their codes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.said = ""

    async def ask(self, command: bytes | str) -> str:
        self.send(command.encode() + b"\r\n" if isinstance(command, str) else command)
        return await self.hear()

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def hear(self) -> str:
        """The next reply's codes, empty where the connection is over."""
        lines = []
        async with asyncio.timeout(20):
            while True:
                try:
                    line = (await self._reader.readline()).decode()
                except ConnectionError:
                    line = ""
                lines.append(line)
                if line[3:4] != "-":
                    break
        self.said = "".join(lines)
        words = lines[-1].split()
        return " ".join(words[:2]) if len(words) > 1 and words[1].count(".") == 2 else " ".join(words[:1])

    async def begin(self, to: str, sender: str = "") -> None:
        for command in ("EHLO mx.test", f"MAIL FROM:<{sender}>", f"RCPT TO:<{to}>"):
            assert (await self.ask(command)).startswith("250"), self.said
        assert await self.ask("DATA") == "354"

    async def start_tls(self, context: ssl.SSLContext) -> None:
        assert await self.ask("STARTTLS") == "220 2.0.0"
        await self._writer.start_tls(context, server_hostname="localhost")


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection(HOST, port)
    caller = Caller(reader, writer)
    try:
        assert await caller.hear() == "220"
        yield caller
    finally:
        writer.close()


async def told(world: ReturnWorld, count: int) -> list[dict[str, Any]]:
    """What is stored of returns, once so much is published."""

    async def published() -> list[dict[str, Any]]:
        documents = await world.stored()
        return documents if len(documents) >= count and not any("unpublished" in each for each in documents) else []

    return await eventually(published, what="the returns")
