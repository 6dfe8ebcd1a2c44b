"""The return door killed between what it stores and what it says: its event comes once all the same."""

from __future__ import annotations

import json
import smtplib
import socket
from pathlib import Path

import pytest

from tests.fixtures.real_process import running
from tests.integration.sender.return_door import DOMAIN, HOST, ReturnWorld, told
from tests.integration.sender.world import World
from tests.unit.sender.returns.corpus import raw


@pytest.mark.verify
async def test_a_kill_before_the_250_loses_nothing_and_tells_it_once(world: World, tmp_path: Path) -> None:
    returns = ReturnWorld(world)
    async with returns.open():
        message = await returns.delivered()
    with socket.create_server((HOST, 0)) as free:
        returns.port = free.getsockname()[1]
    settings = {"returns_port": returns.port, "returns_domain": DOMAIN, "returns_feedback_addresses": json.dumps([])}
    process = "sender:returns"
    armed = settings | {"failpoints": "returns.stored=kill@1"}
    async with running(returns.deployment, process, tmp_path / "killed.log", **armed):
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            await returns.bring(raw("postfix-unknown"), returns.bounce(message))
    (document,) = await returns.stored()
    assert "unpublished" in document
    async with running(returns.deployment, process, tmp_path / "again.log", **settings):
        assert await returns.bring(raw("postfix-unknown"), returns.bounce(message)) == "250"
        assert len(await told(returns, 1)) == 1
        assert (await returns.event(message, "bounced")).event_id == document["_id"]
        assert await returns.records_of(message, "bounced") == 1
