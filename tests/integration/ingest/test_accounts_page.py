"""The commands of docs/accounts.md, as they stand there, against a server."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from pathlib import Path

from services.run import _server
from tests.fixtures.deployment import eventually
from tests.integration.ingest.conftest import Door, make_workspace
from tests.integration.ingest.documented import OPERATOR, Asker

PAGE = Path(__file__).parents[3] / "docs" / "accounts.md"
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


async def test_the_pages_commands_work(door: Door) -> None:
    admin = Asker(door, door.key)
    key = await admin.ask(201, "POST", "/v1/api-keys", {"name": "k", "scopes": ["email.send"]})
    credential = await admin.ask(201, "POST", "/v1/smtp-credentials", {"name": "c"})
    old, _ = await make_workspace(door.workspaces)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = _server(door.api, "127.0.0.1", port)
    serving = asyncio.create_task(server.serve())

    async def is_up() -> bool:
        return server.started

    await eventually(is_up)
    given = {
        "BASE": f"http://127.0.0.1:{port}",
        "API_KEY": door.key,
        "OPERATOR_TOKEN": OPERATOR,
        "KEY_ID": key["id"],
        "CREDENTIAL_ID": credential["id"],
        "WORKSPACE": door.workspace.id,
        "OLD_WORKSPACE": old.id,
    }
    blocks = BLOCK.findall(PAGE.read_text())
    script = "set -eu\n" + "\necho\n".join(blocks)
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script, env={**os.environ, **given},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    shown, _ = await process.communicate()
    server.should_exit = True
    await serving
    assert process.returncode == 0, shown.decode()
    assert len(blocks) >= 8
    assert set(re.findall(r"\$(\w+)", script)) == set(given)
