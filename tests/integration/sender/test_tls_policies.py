"""A whole sender under TLS policies: what it keeps over restarts, and what its events say."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from services.sender.smtp.outcomes import Stage
from services.sender.store.broken_tls import BrokenHosts
from services.sender.store.sts_policies import StsPolicyStore
from services.sender.tls.broken import BrokenTls
from services.sender.tls.sts import StsMode, StsPolicy
from shared.contracts.messages import Host, TlsMode
from tests.fixtures.deployment import Deployment, eventually
from tests.fixtures.dns_server import NameServer, Says
from tests.fixtures.scripted_smtp import Act, Raw, ScriptedServer
from tests.fixtures.signed_zone import Zone
from tests.fixtures.unbound import validating_resolver
from tests.integration.sender.attempts import NAME
from tests.integration.sender.test_dane import HOST, peer
from tests.integration.sender.world import World


async def test_an_enforced_policy_is_kept_by_a_sender_that_starts(world: World, names: NameServer) -> None:
    store = StsPolicyStore(world.deployment.database("sender"))
    now = datetime.now(UTC)
    await store.save("a.test", "1", StsPolicy(StsMode.ENFORCE, (NAME,), 86400), now, now)
    names.says("_mta-sts.a.test", Says(rcode="SERVFAIL"))
    async with ScriptedServer() as server:
        hosts = [Host(name=NAME, port=server.port)]
        held = await world.message("ok@a.test", route=world.route(hosts=hosts, mx="plain"))
        free = await world.message("ok@b.test", route=world.route(hosts=hosts, mx="plain"))
        configured = await world.message("ok@a.test", route=world.route(hosts=hosts))
        async with world.sender(nameservers=[names.address], retry_delays=[60]):
            await world.clear(held, free, configured)
            deferred = (await world.events(held, "deferred"))[-1]
            delivered = (await world.events(free, "delivered"))[-1]
            await world.events(configured, "delivered")
    assert deferred.data["tls"] == {"policy": "sts", "result": "starttls-not-supported"}
    assert (deferred.data["class"], deferred.data["stage"]) == ("tls", str(Stage.STARTTLS))
    assert delivered.data["tls"] == {"policy": "no-policy-found", "result": "starttls-not-supported"}


async def test_a_policy_that_is_not_known_in_time_burns_no_attempt(world: World, names: NameServer) -> None:
    names.says("_mta-sts.a.test", Says(silent=True))
    async with ScriptedServer() as server:
        hosts = [Host(name=NAME, port=server.port)]
        message = await world.message("ok@a.test", route=world.route(hosts=hosts, mx="plain"))
        other = await world.message("ok@b.test", route=world.route(hosts=hosts, mx="plain"))
        async with world.sender(nameservers=[names.address], dns_timeout_seconds=60):
            await world.clear(message, other)
            await world.events(other, "delivered")

            async def parked() -> bool:
                return (await world.delivery(message)).get("state") == "deferred"

            await eventually(parked)
            assert (await world.delivery(message))["attempt"] == 0
        assert len(server.sessions) == 1


async def test_broken_tls_is_remembered_by_a_sender_that_starts(world: World, names: NameServer) -> None:
    broken: dict[str, Act | list[Act]] = {"STARTTLS": Raw(b"220 go\r\nthis is no TLS\r\n")}
    async with ScriptedServer(broken, extensions=["STARTTLS"]) as server:
        route = world.route(hosts=[Host(name=NAME, port=server.port)])
        for sessions in (2, 3):
            message = await world.message(route=route)
            async with world.sender(nameservers=[names.address]):
                await world.clear(message)
                await world.events(message, "delivered")
            assert len(server.sessions) == sessions


async def test_what_is_forgotten_of_broken_tls_is_forgotten_by_a_sender_that_starts(deployment: Deployment) -> None:
    await deployment.prepare("sender")
    hosts = BrokenHosts(deployment.database("sender"))
    first = BrokenTls(hosts)
    for place in ("a.test:25", "b.test:25"):
        first.note(place)
    await first.sync()
    second = BrokenTls(hosts)
    second.forget("a.test:25")
    await second.sync()
    third = BrokenTls(hosts)
    await third.sync()
    for memory in (second, third):
        assert "a.test:25" not in memory
        assert "b.test:25" in memory


async def test_a_route_with_validated_mx_records_is_held_to_tlsa_records(world: World, tmp_path: Path) -> None:
    zone = Zone("signed.test.")
    async with peer() as host:
        zone.add("mx 300 A 127.0.0.1", host.tlsa(3))
        hosts = [Host(name=HOST, port=host.server.port)]
        authentic = world.route(hosts=hosts, mx="authentic", tls=TlsMode.DISABLED)
        validated = await world.message("ok@signed.test", route=authentic)
        plain = await world.message("ok@signed.test", route=authentic.with_changes(mx="plain"))
        async with (
            validating_resolver(tmp_path, zone) as resolver,
            world.sender(nameservers=[resolver], dane=True, mta_sts=False),
        ):
            await world.clear(validated, plain)
            first, second = await asyncio.gather(world.events(validated, "delivered"), world.events(plain, "delivered"))
        assert first[-1].data["tls"]["policy"] == "tlsa"
        assert first[-1].data["tls"]["result"] == "success"
        assert "tls" not in second[-1].data
        assert sorted(session.tls for session in host.server.sessions) == [False, True]
