"""Mail of who was erased is routed nowhere, and handed on without the address."""

from __future__ import annotations

from shared.contracts.messages import Message
from shared.contracts.topics import Lane, accepted, due, routed
from shared.erasure import erased_address
from tests.fixtures.erasures import an_erase, ask, confirmed
from tests.fixtures.grep import spellings, stored_with
from tests.fixtures.messages import a_message
from tests.integration.router.conftest import Router


async def test_an_erased_recipient_is_handed_on_without_a_route(router: Router) -> None:
    await router.workspace()
    deployment = router.deployment
    ann = a_message("ann.person@a.test", metadata={"name": "Ann"})
    again = a_message("ann.person@a.test", pass_=2)
    other = a_message("bob@a.test")
    erase = an_erase(deployment, "ann.person@a.test", "w1")
    async with router.running("route", erasure_settle_seconds=0.2):
        await ask(deployment, erase)
        assert (await confirmed(deployment, erase, "router")).counts == {}
        for topic, message in ((accepted, ann), (due, again), (accepted, other)):
            await deployment.publish(topic(Lane.STANDARD), [(message.message_id, message.encode(), {})])
        found = [Message.decode(record.value) for record in await deployment.records(routed(Lane.STANDARD), 3)]
    told = {each.message_id: each for each in found}
    for message in (told[ann.message_id], told[again.message_id]):
        assert (message.recipient, message.route) == (erased_address(erase.address_hmac), None)
        assert message.verdict is not None
        assert (message.verdict.kind, message.verdict.reason, message.metadata) == ("suppressed", "erasure", {})
    assert told[other.message_id].route is not None
    assert await stored_with(deployment.client, deployment.prefix, spellings("ann.person")) == []
