"""The role `smtp` in the test's own event loop, and a client that sends exactly the bytes it is told to."""

from __future__ import annotations

import asyncio
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import trustme

from services.ingest.accounts.workspaces import Made
from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.content import ContentStore
from tests.integration.ingest.conftest import DOMAIN, SENDER, Door, make_workspace

HOST = "127.0.0.1"
SECONDS = 20
MAIL, RCPT = f"MAIL FROM:<{SENDER}>", "RCPT TO:<jane@example.test>"
MESSAGE = f"From: {SENDER}\r\nTo: jane@example.test\r\nSubject: Your code\r\n\r\n482910\r\n".encode()


def write_certificate(authority: trustme.CA, folder: Path) -> Path:
    """A certificate for the loopback address, with its key in the same file."""
    folder.mkdir(exist_ok=True)
    file = folder / "server.pem"
    authority.issue_cert(HOST, "localhost").private_key_and_cert_chain_pem.write_to_path(str(file))
    return file


@dataclass
class SmtpDoor:
    """Where the door is, and what belongs to it."""

    door: Door
    port: int
    tls_port: int
    authority: trustme.CA
    certificate: Path
    ca_file: Path

    @property
    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.authority.configure_trust(context)
        return context

    async def stored(self, workspace_id: str | None = None) -> list[dict[str, Any]]:
        """The submissions of a workspace, in their order."""
        return await self.door.submissions(workspace_id)

    async def content_of(self, submission: dict[str, Any]) -> dict[str, Any]:
        """The content of a submission's first message."""
        record = orjson.loads(submission["messages"][0]["record"])
        found = await self.door.deployment.database("content")["contents"].find_one({"_id": record["content_id"]})
        assert found is not None
        return found

    async def raw_of(self, submission: dict[str, Any], place: int = 0) -> bytes:
        """The bytes that the sender will find for a message of a submission."""
        content_id = orjson.loads(submission["messages"][place]["record"])["content_id"]
        contents = await ContentStore(self.door.deployment.database("content")).load([content_id])
        raw = contents[content_id].raw
        assert raw is not None
        assert raw.data is not None
        assert (raw.size, raw.digest) == (len(raw.data), sha256(raw.data).hexdigest())
        return raw.data

    async def sends_nothing(self) -> bool:
        """Whether nothing of the main workspace was stored."""
        contents = await self.door.contents()
        return not contents and not await self.stored()

    async def new_sender(self, **changes: Any) -> tuple[Made, str]:
        """A further workspace that may send from SENDER, and its key."""
        workspace, key = await make_workspace(self.door.workspaces, **changes)
        await self.door.workspaces.create_domain(workspace.id, DOMAIN, verified=True)
        return workspace, key

    @asynccontextmanager
    async def talk(self, *, tls: bool = True, login: bool = True, key: str | None = None) -> AsyncIterator[Talk]:
        """A conversation that has got as far as it is told to."""
        talk = Talk(self)
        try:
            await talk.open(self.port)
            assert await talk.ask("EHLO client.test") == "250"
            if tls:
                await talk.start_tls()
                assert await talk.ask("EHLO client.test") == "250"
            if tls and login:
                assert await talk.login(key or self.door.key) == "235 2.7.0"
            yield talk
        finally:
            talk.close()


class Talk:
    """One connection. Replies are given as their codes, e.g. `250 2.0.0`; `said` is the last one whole."""

    def __init__(self, smtp: SmtpDoor) -> None:
        self._smtp = smtp
        self.said = ""

    async def open(self, port: int, tls: ssl.SSLContext | None = None) -> str:
        self._reader, self._writer = await asyncio.open_connection(
            HOST, port, ssl=tls, server_hostname="localhost" if tls else None
        )
        return await self.hear()

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def ask(self, command: str) -> str:
        self.send(command.encode() + b"\r\n")
        return await self.hear()

    async def hear(self) -> str:
        """The next reply's codes, empty where the connection is over."""
        lines = []
        async with asyncio.timeout(SECONDS):
            while True:
                try:
                    line = (await self._reader.readline()).decode()
                except (ConnectionError, ssl.SSLError):
                    line = ""
                lines.append(line)
                if line[3:4] != "-":
                    break
        self.said = "".join(lines)
        words = lines[-1].split()
        return " ".join(words[:2]) if len(words) > 1 and words[1].count(".") == 2 else " ".join(words[:1])

    async def login(self, key: str) -> str:
        return await self.ask(f"AUTH PLAIN {plain('app', key)}")

    async def start_tls(self) -> None:
        assert await self.ask("STARTTLS") == "220 2.0.0"
        await self._writer.start_tls(self._smtp.context, server_hostname="localhost")

    async def begin(self, *commands: str) -> None:
        """Up to the 354."""
        for command in commands or (MAIL, RCPT):
            assert (await self.ask(command)).startswith("250"), self.said
        assert await self.ask("DATA") == "354"

    async def deliver(self, content: bytes = MESSAGE) -> str:
        await self.begin()
        self.send(content + b".\r\n")
        return await self.hear()

    async def is_closed(self) -> bool:
        return await self.hear() == ""

    def close(self) -> None:
        self._writer.close()


def plain(user: str, password: str) -> str:
    return b64encode(f"\0{user}\0{password}".encode()).decode()


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@asynccontextmanager
async def open_smtp(door: Door, folder: Path, **overrides: Any) -> AsyncIterator[SmtpDoor]:
    """The door of a workspace's deployment, `overrides` among its settings."""
    authority = trustme.CA()
    certificate = write_certificate(authority, folder)
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    port, tls_port = free_ports(2)
    quick = {"smtp_login_delay_seconds": 0.01, "smtp_error_delay_seconds": 0.01, **overrides}
    settings = door.deployment.settings(
        Settings, smtp_port=port, smtps_port=tls_port, smtp_certificate_file=certificate, **quick
    )
    async with create_app(settings, {"smtp"}).run():
        yield SmtpDoor(door, port, tls_port, authority, certificate, ca_file)
