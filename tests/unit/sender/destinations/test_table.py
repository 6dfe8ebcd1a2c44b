"""The provider table: what it says of every provider, which layer wins, and how a file's faults are named."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from services.router.providers import PROVIDERS
from services.sender.destinations.name import Destination, parse
from services.sender.destinations.table import OURS, InvalidProvidersError, Table, load, read
from shared.contracts.messages import TlsMode

KINDS = ("smarthost", "static")  # rollups that are no provider's
DIRECT = {"kind": "direct"}


def limits_of(table: Table, destination: str, transport: dict[str, object] | None = None, shared: bool = True):  # type: ignore[no-untyped-def]
    return table.limits(parse(destination), transport or DIRECT, shared=shared)


def test_the_providers_are_those_that_the_router_tells_apart() -> None:
    assert set(read(OURS.read_text(), "ours").providers) - set(KINDS) == set(PROVIDERS)


@pytest.mark.parametrize("provider", [*PROVIDERS, *KINDS, "mx", "d"])
def test_every_destination_has_all_limits(provider: str) -> None:
    rollup = provider if provider in PROVIDERS else f"{provider}:x"
    assert None not in asdict(limits_of(load(), f"direct|{rollup}")).values()


def test_what_providers_have_published_is_kept() -> None:
    google, yahoo, comcast = (limits_of(load(), f"direct|{provider}") for provider in ("google", "yahoo", "comcast"))
    assert google.tls is TlsMode.REQUIRED
    assert yahoo.messages_per_connection == 20
    assert (comcast.connections, comcast.messages_per_connection, comcast.idle_seconds) == (25, 1000, 30)


@pytest.mark.parametrize(
    ("text", "provider", "suspends"),
    [
        ("4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume", "yahoo", True),
        ("4.7.0 [TS01] Messages from 192.0.2.1 temporarily deferred", "yahoo", False),
        ("4.7.28 Our system has detected an unusual rate of unsolicited mail", "google", False),
        ("4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation", "outlook", True),
        ("RP-001 (BAY004) Unfortunately, some messages from 192.0.2.1 weren't sent", "outlook", True),
        ("4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77714)", "office365", False),
        ("4.7.500 Server busy. Please try again later", "google", None),
        ("4.2.2 mailbox full", "yahoo", None),
    ],
)
def test_what_a_provider_says_sets_off_its_trigger(text: str, provider: str, suspends: bool | None) -> None:
    trigger = load().trigger(provider, text)
    assert (trigger and trigger.suspend) is suspends


LAYERS = """
[default]
connections = 3
messages_per_connection = 4
[providers.google]
connections = 6
messages_per_second = 2.5
[rollups.google]
connections = 7
[domains."corp.example"]
connections = 8
tls = "verify"
[sources."192.0.2.1"]
connections = 9
"""


def test_what_is_nearer_wins_field_by_field(tmp_path: Path) -> None:
    path = tmp_path / "providers.toml"
    path.write_text(LAYERS)
    table = load(path)
    asked = ["direct|mx:0", "direct|google", "direct|google/corp.example", "direct|google/corp.example|192.0.2.1"]
    # our total of five for Google stands: the file does not name it
    assert [limits_of(table, each).connections for each in asked] == [3, 5, 5, 5]
    path.write_text(LAYERS.replace("connections = 6", "connections = 6\ntotal_connections = 0"))
    table = load(path)
    found = [limits_of(table, each) for each in asked]
    assert [each.connections for each in found] == [3, 7, 8, 9]
    assert [each.messages_per_connection for each in found] == [4, 50, 50, 50]
    assert [each.messages_per_second for each in found] == [0, 2.5, 2.5, 2.5]
    assert [each.tls for each in found] == [TlsMode.OPPORTUNISTIC, TlsMode.REQUIRED, TlsMode.VERIFY, TlsMode.VERIFY]
    assert table.own_destination("corp.example")
    assert not table.own_destination("example")


def test_a_transport_has_the_last_word_and_a_workspaces_own_only_for_less() -> None:
    table = load()
    wanted = {"kind": "direct", "max_connections": 7, "max_per_connection": 10}
    assert limits_of(table, "t|google", wanted).connections == 7
    assert limits_of(table, "t|google", wanted, shared=False).connections == 5
    assert limits_of(table, "t|google", wanted, shared=False).messages_per_connection == 10
    relay = {"kind": "smarthost", "max_connections": 40}
    assert limits_of(table, "t|smarthost:t", relay, shared=False).connections == 40


def test_a_total_is_shared_by_the_sources() -> None:
    sources = {"kind": "direct", "sources": [{"address": f"192.0.2.{n}"} for n in range(1, 4)]}
    assert limits_of(load(), "t|apple|192.0.2.1", sources).connections == 3
    assert limits_of(load(), "t|orange|192.0.2.1", sources).connections == 1


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[providers.google]\nconnections = 0\nidle = 3", ["providers.google.connections", "providers.google.idle"]),
        ('[default]\ntls = "sometimes"', ["default.tls"]),
        ('[sources."mail.example"]\nconnections = 1', ["sources.mail.example"]),
        ("[[triggers]]\ntext = '('\nseconds = 0", ["triggers.0.text", "triggers.0.seconds"]),
        ("[providers", ["not TOML"]),
    ],
)
def test_every_fault_of_a_file_is_named(tmp_path: Path, text: str, named: list[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InvalidProvidersError) as raised:
        load(path)
    assert all(each in str(raised.value) for each in [str(path), *named])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidProvidersError, match="cannot be read"):
        load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "destination",
    [
        Destination("direct", "static:*.test"),
        Destination("t", "google", None, "2001:db8::1"),
        Destination("t", "mx:0", "a.test", "192.0.2.1"),
    ],
)
def test_a_name_can_be_read_again(destination: Destination) -> None:
    assert parse(str(destination)) == destination
