"""SPF as receivers evaluate it (RFC 7208)."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.doctor.checks.spf import SpfFacts, evaluate, judge

NAME, IP = "returns.test", "93.184.216.34"


def facts(*texts: str, address: str = IP, **others: str) -> SpfFacts:
    """Of a name with these TXT records; `a_b=…` are those of `a.b`."""
    known = {NAME: list(texts), **{name.replace("_", "."): [text] for name, text in others.items()}}
    hosts = {("a", NAME): [IP], ("mx", "mail.test"): ["2606:2800:220:1::1", IP]}
    return SpfFacts([NAME], [address], known, hosts)


@pytest.mark.parametrize(
    ("found", "result"),
    [
        (facts("v=spf1 ip4:93.184.216.34 -all"), "pass"),
        (facts("v=spf1 ip4:93.184.216.0/24 -all"), "pass"),
        (facts("V=SPF1 IP4:93.184.216.34 -ALL"), "pass"),
        (facts("google-site-verification=x", "v=spf1 +a -all"), "pass"),
        (facts("v=spf1 mx:mail.test ~all"), "pass"),
        (facts("v=spf1 include:spf.test. -all", spf_test="v=spf1 ip4:93.184.216.34 -all"), "pass"),
        (facts("v=spf1 redirect=spf.test", spf_test="v=spf1 ip4:93.184.216.34 -all"), "pass"),
        (facts("v=spf1 ip6:2606:2800::/32 -all", address="2606:2800:220:1::1"), "pass"),
        (facts("v=spf1 ip4:93.184.0.0/16 -all", address="2606:2800:220:1::1"), "fail"),
        (facts("v=spf1 ip4:192.0.2.1 -all"), "fail"),
        (facts("v=spf1 -all ip4:93.184.216.34"), "fail"),
        (facts("v=spf1 -ip4:93.184.216.34 +all"), "fail"),
        (facts("v=spf1 ~all"), "softfail"),
        (facts("v=spf1 ?all"), "neutral"),
        (facts("v=spf1 exists:x.test ptr"), "neutral"),
        (facts("v=spf1 include:spf.test", spf_test="v=spf1 -all"), "neutral"),
        (facts("some text"), "none"),
    ],
)
def test_a_record_says_who_may_send(found: SpfFacts, result: str) -> None:
    assert evaluate(found, NAME, found.addresses[0]) == result
    told = list(judge(found))
    assert bool(told) == (result != "pass")
    for finding in told:
        assert f"the result is {result}" in finding.problem
        assert f":{found.addresses[0]}" in finding.fix


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (facts("v=spf1 -all", "v=spf1 +all"), "there are 2 SPF records"),
        (facts("v=spf1 include:spf.test -all", spf_test="nothing"), "include:spf.test has no SPF record"),
        (facts("v=spf1 redirect=spf.test", spf_test="nothing"), "redirect=spf.test has no SPF record"),
        (facts("v=spf1 ip4:nonsense -all"), "ip4:nonsense is no network"),
        (facts(f"v=spf1 {' '.join(f'a:h{n}.test' for n in range(11))} -all"), "more than 10 look-ups"),
        (facts("v=spf1 include:returns.test -all"), "more than 10 look-ups"),
    ],
)
def test_what_receivers_give_up_is_told(found: SpfFacts, problem: str) -> None:
    (finding,) = judge(found)
    assert "permanent error: " in finding.problem
    assert problem in finding.problem


def test_what_is_not_known_is_not_called_well() -> None:
    unknown = SpfFacts([NAME], [IP], {NAME: None})
    assert "could not be looked at" in next(iter(judge(unknown))).problem
    assert "nothing was judged" in next(iter(judge(SpfFacts([NAME], [], {})))).problem


@given(st.ip_addresses(v=4), st.integers(0, 32), st.ip_addresses(v=4))
def test_a_network_lets_its_own_addresses_pass_and_no_others(base: IPv4Address, bits: int, asked: IPv4Address) -> None:
    network = ip_network(f"{base}/{bits}", strict=False)
    found = facts(f"v=spf1 ip4:{network} -all", address=str(asked))
    assert evaluate(found, NAME, str(asked)) == ("pass" if asked in network else "fail")
