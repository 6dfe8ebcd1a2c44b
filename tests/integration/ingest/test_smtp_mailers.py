"""Mailers that are programs of their own: nodemailer and swaks, as their users call them."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import os
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.contracts.messages import Message
from tests.fixtures.mailers import nodemailer, swaks
from tests.integration.ingest.conftest import SENDER, Door
from tests.integration.ingest.smtp_door import HOST, SmtpDoor, open_smtp

__all__ = ["nodemailer", "swaks"]
pytestmark = pytest.mark.asyncio(loop_scope="module")
FILE = bytes(range(256)) * 20
SEND_BY_NODE = """
const nodemailer = require("nodemailer");
const {transport, message} = JSON.parse(process.env.MAIL);
message.attachments[0].content = Buffer.from(message.attachments[0].content, "base64");
nodemailer.createTransport(transport).sendMail(message).then(
  info => console.log(JSON.stringify({accepted: info.accepted, response: info.response})),
  error => { console.error(error.response || error.message); process.exit(1); });
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def smtp(module_door: Door, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SmtpDoor]:
    async with open_smtp(module_door, tmp_path_factory.mktemp("smtp")) as opened:
        yield opened


async def run(command: list[str], environment: dict[str, str]) -> str:
    """What a program printed; fails where it did not end well."""
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


async def received(smtp: SmtpDoor, workspace_id: str) -> tuple[dict[str, Any], Any]:
    """The one submission of a workspace, and its message as Python's email package reads it."""
    [submission] = await smtp.stored(workspace_id)
    raw = await smtp.raw_of(submission)
    return submission, email.message_from_bytes(raw, policy=email.policy.default)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
async def test_nodemailer(smtp: SmtpDoor, nodemailer: Path, implicit: bool, mechanism: str) -> None:
    workspace, key = await smtp.new_sender()
    mail = {
        "transport": {
            "host": HOST,
            "port": smtp.tls_port if implicit else smtp.port,
            "secure": implicit,
            "requireTLS": not implicit,
            "auth": {"user": "node", "pass": key},
            "authMethod": mechanism,
            "tls": {"ca": smtp.ca_file.read_text()},
        },
        "message": {
            "from": f"Zoë <{SENDER}>",
            "to": "Jürgen <jane@example.test>",
            "bcc": "blind@example.test",
            "subject": "Ihre Bestellung über 10 €",
            "text": "Grüße\n.\n",
            "html": "<p>Grüße</p>",
            "headers": {"X-Posthorn-Tag": "order"},
            "attachments": [{"filename": "zwölf.bin", "content": b64encode(FILE).decode()}],
        },
    }
    environment = {**os.environ, "NODE_PATH": str(nodemailer / "node_modules"), "MAIL": json.dumps(mail)}
    said = json.loads(await run(["node", "-e", SEND_BY_NODE], environment))
    submission, message = await received(smtp, workspace.id)
    assert said["response"] == f"250 2.0.0 queued as {submission['_id']}"
    assert sorted(said["accepted"]) == ["blind@example.test", "jane@example.test"]
    assert [one["type"] for one in submission["messages"]] == ["to", "bcc"]
    assert Message.decode(submission["messages"][0]["record"]).tags == ["order"]
    assert message["Subject"] == submission["subject"] == "Ihre Bestellung über 10 €"
    assert message["From"].addresses[0].display_name == "Zoë"
    assert (message["Bcc"], message["X-Posthorn-Tag"]) == (None, None)
    assert message.get_body(("plain",)).get_content().split() == ["Grüße", "."]
    [attachment] = message.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("zwölf.bin", FILE)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
async def test_swaks(
    smtp: SmtpDoor, swaks: tuple[list[str], dict[str, str]], implicit: bool, mechanism: str, tmp_path: Path
) -> None:
    workspace, key = await smtp.new_sender()
    attachment = tmp_path / "numbers.bin"
    attachment.write_bytes(FILE)
    command, environment = swaks
    said = await run(
        [
            *command,
            *("--server", HOST, "--port", str(smtp.tls_port if implicit else smtp.port)),
            "--tls-on-connect" if implicit else "--tls",
            *("--auth", mechanism, "--auth-user", "app", "--auth-password", key),
            *("--from", SENDER, "--to", "jane@example.test,blind@example.test"),
            *("--header", "To: Jürgen <jane@example.test>", "--header", "Subject: Größe", "--body", "Grüße"),
            *("--header", 'X-Leadpush-Tag: "two words"', "--header", "X-Leadpush-Tracking: none"),
            *("--attach-type", "application/octet-stream", "--attach", f"@{attachment}"),
        ],
        environment,
    )
    submission, message = await received(smtp, workspace.id)
    assert f"250 2.0.0 queued as {submission['_id']}" in said
    assert [one["type"] for one in submission["messages"]] == ["to", "bcc"]
    assert Message.decode(submission["messages"][0]["record"]).tags == ["two words"]
    assert message["Subject"] == submission["subject"] == "Größe"
    assert message["To"].addresses[0].display_name == "Jürgen"
    assert [name for name in message if name.lower().startswith("x-leadpush")] == []
    [text, file] = message.iter_parts()
    assert text.get_payload(decode=True).decode().strip() == "Grüße"
    assert file.get_content() == FILE
