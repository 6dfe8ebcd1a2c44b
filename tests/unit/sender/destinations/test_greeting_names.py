"""Which names in EHLO are those of our addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from services.sender.destinations.greeting_names import Greeting, fault_of, greetings_of
from services.sender.smtp.targets import Addresses
from shared.dns import Existence

NAME, PUBLIC, PRIVATE, OTHER = "out.acme.example", "8.8.8.8", "10.0.0.8", "8.8.4.4"


def found(*ips: str) -> Addresses:
    return Addresses(Existence.FOUND if ips else Existence.NO_NAME, NAME, ips, detail=None if ips else "no such name")


@pytest.mark.parametrize(
    ("source", "addresses", "names", "fault"),
    [
        (PUBLIC, found(PUBLIC), {PUBLIC: (NAME,)}, None),
        (PUBLIC, found(OTHER, PUBLIC), {PUBLIC: ("old.acme.example", NAME)}, None),
        (PUBLIC, found(OTHER), {PUBLIC: (NAME,)}, f"it does not lead to {PUBLIC}"),
        (PUBLIC, found(PUBLIC), {PUBLIC: ("host8.isp.example",)}, f"{PUBLIC} resolves back to host8.isp.example"),
        (PUBLIC, found(PUBLIC), {PUBLIC: ()}, f"{PUBLIC} resolves back to no name"),
        (PUBLIC, found(PUBLIC), {PUBLIC: None}, None),
        (PRIVATE, found(PUBLIC), {PUBLIC: (NAME,)}, None),
        (None, found(PUBLIC, OTHER), {PUBLIC: (NAME,), OTHER: ()}, f"{OTHER} resolves back to no name"),
        (None, found(), {}, "it has no address (no such name)"),
        (None, Addresses(Existence.FAILED, NAME, detail="SERVFAIL"), {}, None),
    ],
)
def test_what_is_wrong_with_a_name(
    source: str | None, addresses: Addresses, names: Mapping[str, Sequence[str] | None], fault: str | None
) -> None:
    assert fault_of(Greeting(NAME, source), addresses, names) == fault


def test_every_source_has_its_own_name_its_transports_or_the_settings() -> None:
    transports = [
        {},
        {"ehlo_name": "Pool.acme.example"},
        {"ehlo_name": "pool.acme.example", "sources": [{"address": PUBLIC, "ehlo_name": NAME}, {"address": OTHER}]},
    ]
    assert greetings_of(transports, "out.test", PRIVATE) == {
        Greeting("out.test", PRIVATE),
        Greeting("pool.acme.example", PRIVATE),
        Greeting(NAME, PUBLIC),
        Greeting("pool.acme.example", OTHER),
    }
