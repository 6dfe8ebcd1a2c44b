"""One message from the request to the sink, through all five services."""

from __future__ import annotations

from tests.e2e.conftest import Account


async def test_a_request_becomes_one_delivered_message_for_each_recipient(account: Account) -> None:
    ids = await account.send("ok+one@sink.test", "OK+one@sink.test", bcc=["ok+two@sink.test"])
    assert len(ids) == 2
    for message_id in ids:
        await account.reaches(message_id, "delivered")
    assert await account.deliveries_to("ok+one@sink.test") == 1
    assert await account.deliveries_to("ok+two@sink.test") == 1
