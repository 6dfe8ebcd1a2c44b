"""`/v1/api-keys`: where a key works from, and what it may hand on."""

from __future__ import annotations

from typing import Any

from tests.fixtures.deployment import Deployment, eventually
from tests.integration.ingest.conftest import Door, open_door, send
from tests.integration.ingest.documented import OPERATOR, Asker
from tests.integration.ingest.key_requests import KEYS, in_days, narrow
from tests.integration.ingest.test_bad_input import assert_problem

BOUND: list[tuple[list[str], list[str], list[str]]] = [
    (["192.0.2.0/24"], ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.3.7", "2001:db8::1", "::ffff:192.0.3.7"]),
    (["2001:db8::/32", "198.51.100.7"], ["2001:db8::1", "198.51.100.7"], ["2001:db9::1", "198.51.100.8"]),
    (["::ffff:192.0.2.0/120"], ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.3.7"]),
]


async def test_a_key_bound_to_addresses_works_from_them_alone(door: Door) -> None:
    for allowed, good, bad in BOUND:
        _, made = await narrow(door, scopes=["keys"], allowed_ips=allowed)
        for address in good:
            await Asker(door, made["key"], address).ask(200, "GET", KEYS)
        for address in (*bad, "a-socket"):
            reply = await Asker(door, made["key"], address).reply("GET", KEYS)
            assert_problem(reply, 401, "address_not_allowed")
            # who trusts nobody believes no header
            claimed = Asker(door, made["key"], address, **{"X-Forwarded-For": good[0], "Forwarded": f"for={good[0]}"})
            assert_problem(await claimed.reply("GET", KEYS), 401, "address_not_allowed")


async def test_behind_trusted_proxies_the_address_before_them_counts(deployment: Deployment) -> None:
    async with open_door(deployment, trusted_proxies="10.0.0.0/8, fd00::/8") as door:
        _, made = await narrow(door, scopes=["keys"], allowed_ips=["192.0.2.0/24"])

        def behind(peer: str, forwarded: str) -> Asker:
            return Asker(door, made["key"], peer, **{"X-Forwarded-For": forwarded})

        await behind("10.0.0.1", "192.0.2.7").ask(200, "GET", KEYS)
        await behind("fd00::1", "203.0.113.1, 192.0.2.7, 10.9.9.9").ask(200, "GET", KEYS)
        for caller in (
            behind("10.0.0.1", "192.0.2.7, 203.0.113.1"),
            behind("10.0.0.1", "192.0.2.7, unknown"),
            behind("203.0.113.1", "192.0.2.7"),
            Asker(door, made["key"], "10.0.0.1"),
        ):
            assert_problem(await caller.reply("GET", KEYS), 401, "address_not_allowed")


async def test_a_key_hands_on_nothing_that_it_does_not_have(door: Door) -> None:
    bounds = {"expires_at": in_days(1), "domains": ["acme.test"], "allowed_ips": ["203.0.113.0/24"]}
    bound, own = await narrow(door, scopes=["keys", "email.send"], **bounds)
    _, strong = await narrow(door, scopes=["keys", "admin"])
    within = {"name": "k", "scopes": ["email.send"], **bounds, "allowed_ips": ["203.0.113.128/25"]}
    made = await bound.ask(201, "POST", KEYS, within)
    excesses: list[tuple[dict[str, Any], str]] = [
        ({"scopes": ["email.send", "admin"]}, "#/scopes/1"),
        ({"expires_at": None}, "#/expires_at"),
        ({"expires_at": in_days(2)}, "#/expires_at"),
        ({"domains": []}, "#/domains"),
        ({"domains": ["acme.test", "other.test"]}, "#/domains"),
        ({"allowed_ips": []}, "#/allowed_ips"),
        ({"allowed_ips": ["203.0.113.0/24", "203.0.112.0/23"]}, "#/allowed_ips"),
    ]
    for excess, place in excesses:
        assert_problem(await bound.reply("POST", KEYS, {**within, **excess}), 403, "not_yours_to_grant", place)
        assert_problem(await bound.reply("PATCH", f"{KEYS}/{made['id']}", excess), 403, "not_yours_to_grant", place)
        assert_problem(await bound.reply("PATCH", f"{KEYS}/{own['id']}", excess), 403, "not_yours_to_grant", place)
    assert await bound.ask(200, "GET", f"{KEYS}/{made['id']}") == {
        name: value for name, value in made.items() if name != "key"
    }
    # the new text of a stronger key would be a stronger key
    reply = await bound.reply("POST", f"{KEYS}/{strong['id']}/rotation")
    assert_problem(reply, 403, "not_yours_to_grant", "#/scopes/1", "#/expires_at", "#/domains", "#/allowed_ips")
    await bound.ask(200, "POST", f"{KEYS}/{made['id']}/rotation")
    await bound.ask(204, "DELETE", f"{KEYS}/{strong['id']}")
    # a credential for SMTP is bound to nothing
    reply = await bound.reply("POST", "/v1/smtp-credentials", {"name": "c"})
    assert_problem(reply, 403, "not_yours_to_grant", "#/expires_at", "#/domains", "#/allowed_ips")


async def test_a_key_that_is_remembered_is_bound_and_ends_all_the_same(door: Door) -> None:
    soon = in_days(6 / 86_400)
    _, made = await narrow(door, scopes=["email.send"], allowed_ips=["192.0.2.0/24"], expires_at=soon)
    here, elsewhere = (Asker(door, made["key"], address) for address in ("192.0.2.7", "192.0.3.7"))
    for _ in range(2):
        await here.ask(202, "POST", "/v1/emails", send())
    assert_problem(await elsewhere.reply("POST", "/v1/emails", send()), 401, "address_not_allowed")

    async def refused() -> Any:
        reply = await here.reply("POST", "/v1/emails", send())
        return reply if reply.status_code == 401 else None

    assert_problem(await eventually(refused, what="the key's end"), 401, "key_expired")


async def test_an_admin_hands_on_everything_and_the_operator_makes_the_first_key(door: Door) -> None:
    admin, _ = await narrow(door, scopes=["keys", "admin"], domains=["acme.test"])
    await admin.ask(201, "POST", KEYS, {"name": "k", "scopes": ["routing", "email.send"]})
    path = f"/v1/workspaces/{door.workspace.id}/api-keys"
    made = await Asker(door, OPERATOR).ask(201, "POST", path, {"name": "first", "scopes": ["keys", "email.send"]})
    await Asker(door, made["key"]).ask(201, "POST", path, {"name": "k", "scopes": ["email.send"]})
