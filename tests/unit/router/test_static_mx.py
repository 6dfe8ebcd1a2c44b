"""The static map of mail hosts: patterns, targets, and settings that cannot be."""

from __future__ import annotations

import pytest

from services.router.settings import Settings
from services.router.static_mx import StaticMx, parse_target

TARGETS = {
    "*.example": ["127.0.0.1:2525", "127.0.0.1:2526"],
    "*.deep.example": ["deep.host"],
    "Exact.example": ["[::1]:2527"],
}


@pytest.mark.parametrize(
    ("domain", "rollup"),
    [
        ("a.example", "static:*.example"),
        ("b.a.example", "static:*.example"),
        ("a.deep.example", "static:*.deep.example"),
        ("deep.example", "static:*.example"),
        ("exact.example", "static:exact.example"),
        ("example", None),
        ("aexample", None),
        ("a.example.com", None),
    ],
)
def test_the_domain_wins_then_the_longest_suffix(domain: str, rollup: str | None) -> None:
    found = StaticMx(TARGETS, 25).find(domain)
    assert (found.rollup if found else None) == rollup


@pytest.mark.parametrize(("domain", "port"), [("a.example", 2525), ("example", 1025), ("a.org", 1025), ("org", 1025)])
def test_a_star_alone_is_every_domain_that_nothing_else_names(domain: str, port: int) -> None:
    found = StaticMx(TARGETS | {"*": ["everywhere:1025"]}, 25).find(domain)
    assert found is not None
    assert found.hosts[0].port == port


def test_hosts_stay_in_the_order_they_are_given_in() -> None:
    found = StaticMx(TARGETS, 25).find("a.example")
    assert found is not None
    assert [host.port for host in found.hosts] == [2525, 2526]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("mx.example", "mx.example", 25),
        ("MX.example:2525", "mx.example", 2525),
        ("127.0.0.1:1", "127.0.0.1", 1),
        ("::1", "::1", 25),
        ("[::1]", "::1", 25),
        ("[::1]:65535", "::1", 65535),
    ],
)
def test_targets(text: str, host: str, port: int) -> None:
    found = parse_target(text, 25)
    assert (found.name, found.port) == (host, port)


@pytest.mark.parametrize(
    "text", ["", ":25", "a:0", "a:65536", "a:x", "a:", "[::1]x", "[::1]:", "a:b:25", "[a:b]:25", "[]"]
)
def test_what_is_no_target(text: str) -> None:
    with pytest.raises(ValueError, match=r"not host:port|IPv4 or IPv6"):
        parse_target(text, 25)


@pytest.mark.parametrize(
    "setting",
    [
        {"static_mx": {"*.example": ["a:x"]}},
        {"static_mx": {"*.example": []}},
        {"nameservers": ["[::1"]},
        {"nameservers": ["ns.example"]},
    ],
)
def test_settings_that_cannot_be_are_refused_at_the_start(setting: dict[str, object]) -> None:
    keys = dict.fromkeys(("pepper", "token_key", "encryption_key"), "A" * 44)
    with pytest.raises(ValueError, match=next(iter(setting))):
        Settings(**{**keys, **setting})  # type: ignore[arg-type]


def test_the_map_comes_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHORN_STATIC_MX", '{"*.test": ["127.0.0.1:2525"]}')
    keys = dict.fromkeys(("pepper", "token_key", "encryption_key"), "A" * 44)
    assert Settings(**keys).static_mx == {"*.test": ["127.0.0.1:2525"]}  # type: ignore[arg-type]
