"""What a running sender finds out about its names in EHLO."""

from __future__ import annotations

from structlog.testing import capture_logs

from shared.contracts.entities import Kind
from shared.telemetry import metrics
from tests.fixtures.deployment import eventually
from tests.fixtures.dns_server import NameServer, Says
from tests.integration.sender.world import World


async def test_names_that_are_not_those_of_our_addresses_are_told(world: World, names: NameServer) -> None:
    for last, back in ((2, "good.test"), (3, "host3.isp.test")):
        names.says(f"{last}.0.0.127.in-addr.arpa", Says([f"{last}.0.0.127.in-addr.arpa. 300 PTR {back}."]))
    names.says("good.test", Says(["good.test. 300 A 127.0.0.2"]))
    names.says("bad.test", Says(["bad.test. 300 A 127.0.0.3"]))
    sources = [{"address": f"127.0.0.{last}", "ehlo_name": f"{name}.test"} for last, name in ((2, "Good"), (3, "bad"))]
    await world.know(Kind.TRANSPORT, "pool", {"name": "pool", "kind": "direct", "sources": sources})
    metrics.GREETING_NAMES_WRONG.set(-1)
    with capture_logs() as logs:
        async with world.sender(profile="production", nameservers=[names.address]):

            async def counted() -> bool:
                return metrics.GREETING_NAMES_WRONG._value.get() != -1

            await eventually(counted)
    told = {each["name"]: each["why"] for each in logs if each["event"] == "receivers may refuse a name in EHLO"}
    assert told == {
        "bad.test": "127.0.0.3 resolves back to host3.isp.test",
        "localhost": "it is no full name of the public DNS",
    }
    assert metrics.GREETING_NAMES_WRONG._value.get() == 2
