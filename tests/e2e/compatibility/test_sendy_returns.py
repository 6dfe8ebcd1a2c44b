"""Sendy: what comes back by mail, as its page on tracking tells of it (seed 004)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.sendy_caller import posted, reaches
from tests.e2e.returned import answer_to, arrived, bring, bring_back
from tests.fixtures.scripted_smtp import ScriptedServer
from tests.unit.sender.returns.corpus import raw


@pytest.fixture
async def host() -> AsyncIterator[ScriptedServer]:
    """A smart host that sends reports to who asks for them."""
    async with ScriptedServer(extensions=("DSN",)) as server:
        yield server


async def test_a_report_is_asked_for_and_makes_an_email_delivered(routed: Account, host: ScriptedServer) -> None:
    way = {"kind": "smarthost", "host": "127.0.0.1", "port": host.port, "tls": "opportunistic"}
    smart = await routed.make("/v1/transports", name="with reports", max_per_connection=1, **way)
    await routed.route(smart["id"])
    id_ = (await posted(routed, fresh("ok")))["id"]
    shown = await reaches(routed, id_, "sent")
    assert (bool(shown["sent_at"]), shown["delivered_at"]) == (True, None)
    (session,) = host.sessions
    _, mail, rcpt, *_ = session.commands
    assert mail.endswith(f" RET=HDRS ENVID={id_}")
    assert " NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;" in rcpt
    verp = mail.partition("<")[2].partition(">")[0]
    assert verp.startswith("b+")
    await bring(routed, raw("relay-delivered"), verp)
    shown = await reaches(routed, id_, "delivered")
    assert shown["delivered_at"] >= shown["sent_at"]


async def test_a_read_receipt_is_asked_for_and_sets_read_at(account: Account) -> None:
    id_ = (await posted(account, to := fresh("ok"), track={"reads": True}))["id"]
    await reaches(account, id_, "delivered")
    kept, message = await arrived(account, to)
    assert message["disposition-notification-to"] == f"<{kept['sender']}>"
    await bring_back(account, "mdn-displayed", kept)
    shown = await reaches(account, id_, "read")
    assert shown["read_at"] >= shown["delivered_at"]
    await posted(account, other := fresh("ok"))
    assert "disposition-notification-to" not in (await arrived(account, other))[1]


async def test_an_answer_sets_first_replied_at(account: Account) -> None:
    id_ = (await posted(account, to := fresh("ok"), track={"replies": True}))["id"]
    await reaches(account, id_, "delivered")
    _, message = await arrived(account, to)
    address = str(message["reply-to"].addresses[0].addr_spec)
    await bring(account, answer_to(message, to, "Thanks"), address, sender=to)
    shown = await reaches(account, id_, "replied")
    assert shown["first_replied_at"] >= shown["delivered_at"]
