"""What is dialled: decided where the socket is made, whatever a URL says and whatever a name leads to by then."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

import httpx
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given, settings
from hypothesis import strategies as st

from services.webhooks.urls import literal_address
from shared.guarded_http import fault_of, guarded_transport
from shared.net import is_public
from tests.fixtures.deployment import Deployment
from tests.fixtures.http_receiver import HttpReceiver
from tests.integration.webhooks.world import an_event, running_world
from tests.unit.embedded import private_v4, spellings_idn, spellings_v4, spellings_v6, within_v6

TLS = ssl.create_default_context()
PUBLIC = "93.184.215.14"


class Leading(AbstractResolver):
    """Leads every name to the same addresses; one that is an address in some spelling, as systems do, to that."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        spelled = literal_address(host)
        return [
            ResolveResult(
                hostname=host, host=each, port=port, family=socket.AF_INET6 if ":" in each else socket.AF_INET, proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for each in ([spelled] if spelled else self._addresses)
        ]  # fmt: skip

    async def close(self) -> None:
        return None


async def asked(resolver: Leading, may_dial: Callable[[str], bool], *urls: str) -> tuple[list[str], list[str]]:
    """What became of a request to each URL (a status or a fault), and the addresses that a socket was made for."""
    made: list[str] = []

    def noted(address: str) -> bool:
        allowed = may_dial(address)
        made.extend([address] if allowed else [])
        return allowed

    transport = guarded_transport(resolver, noted, TLS)
    outcomes = []
    try:
        for url in urls:
            try:
                response = await transport.handle_async_request(httpx.Request("POST", url, content=b"{}"))
                outcomes.append(str(response.status_code))
                await response.aclose()
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                outcomes.append(fault_of(error))
    finally:
        await transport.aclose()
    return outcomes, made


@settings(max_examples=20)
@given(private_v4(), st.integers(0, 65535))
def test_a_name_that_leads_to_a_private_address_in_any_form_is_not_dialled(address: IPv4Address, port: int) -> None:
    for each in (address, *within_v6(address, port)):
        for scheme in ("http", "https"):
            told = asyncio.run(asked(Leading(str(each)), is_public, f"{scheme}://hooks.example/"))
            assert told == (["private_address"], []), each


@settings(max_examples=20)
@given(private_v4(), st.integers(0, 65535), st.data())
def test_no_spelling_of_a_private_address_in_a_url_is_dialled(
    address: IPv4Address, port: int, data: st.DataObject
) -> None:
    within = data.draw(st.sampled_from(within_v6(address, port)))
    hosts = [*spellings_v4(address), *spellings_idn(address), *(f"[{spelling}]" for spelling in spellings_v6(within))]
    outcomes, made = asyncio.run(asked(Leading(), is_public, *(f"http://{host}/" for host in hosts)))
    assert made == []
    # the client refuses odd spellings by itself, or takes them for names that are not there
    assert set(outcomes) <= {"private_address", "url", "dns", "connect"}, dict(zip(hosts, outcomes, strict=True))


async def test_of_several_addresses_only_those_that_may_be_are_dialled(receiver: HttpReceiver) -> None:
    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    leading = Leading("127.0.0.2", "127.0.0.1")
    url = receiver.url("/", host="hooks.example")
    async with await asyncio.start_server(refuse, "127.0.0.2", receiver.port):
        assert await asked(leading, lambda address: address == "127.0.0.1", url) == (["200"], ["127.0.0.1"])


async def test_a_name_that_leads_elsewhere_after_it_was_looked_at_is_not_dialled(
    deployment: Deployment, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: public when the endpoint is configured, private when it is posted to."""
    real, answers = socket.getaddrinfo, [PUBLIC, "127.0.0.1"]

    def rebinding(name: str, *rest: Any, **named: Any) -> Any:
        if name == "rebinding.example":
            name = answers.pop(0) if len(answers) > 1 else answers[0]
        return real(name, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    async with running_world(deployment, allow_private_targets=False, webhook_schedule=[0]) as world:
        endpoint = await world.add_endpoint(f"http://rebinding.example:{receiver.port}/hook")
        assert endpoint["warnings"] == []
        assert answers == ["127.0.0.1"], "it was looked up when it was configured"
        event = an_event(world.workspace_id)
        await world.publish(event)
        assert await world.ended(endpoint, event) == ["exhausted"]
        [attempt] = await world.posts(endpoint["id"])
        assert (attempt["error"], attempt["status"]) == ("private_address", None)
    assert receiver.received == []
