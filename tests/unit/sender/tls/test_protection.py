"""Which policy a host is held to: DANE before MTA-STS before our own setting, and never less than any of them asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.tls.protection import Protection, TlsaFinding, Withheld, protect
from services.sender.tls.results import PolicyType, TlsResult
from services.sender.tls.sts import StsFinding, StsMode, StsPolicy
from services.sender.tls.tlsa import Tlsa
from shared.contracts.messages import TlsMode

HOST = "mx.a.test"
EE = Tlsa(3, 1, 1, b"x" * 32)
TA = Tlsa(2, 0, 1, b"y" * 32)
PKIX = Tlsa(1, 1, 1, b"z" * 32)
SETTINGS = st.sampled_from([mode for mode in TlsMode if mode is not TlsMode.IMPLICIT])


def sts(mode: StsMode, *mx: str) -> StsFinding:
    return StsFinding(StsPolicy(mode, mx, 86400))


ENFORCED, ELSEWHERE = sts(StsMode.ENFORCE, "*.a.test"), sts(StsMode.ENFORCE, "*.b.test")
TESTED, TESTED_ELSEWHERE = sts(StsMode.TESTING, HOST), sts(StsMode.TESTING, "mx.b.test")
POLICIES = st.sampled_from([None, ENFORCED, ELSEWHERE, TESTED, TESTED_ELSEWHERE, sts(StsMode.NONE), StsFinding()])
RECORDS = st.lists(st.sampled_from([EE, TA, PKIX, Tlsa(3, 1, 1, b"cut"), Tlsa(3, 7, 1, b"x" * 32)])).map(tuple)


def held(local: TlsMode, **said: object) -> Protection:
    found = protect(local, HOST, **said)  # type: ignore[arg-type]
    assert isinstance(found, Protection), found
    return found


@pytest.mark.parametrize("local", TlsMode)
def test_without_a_policy_our_own_setting_stands(local: TlsMode) -> None:
    found = held(local, tlsa=TlsaFinding(HOST), sts=sts(StsMode.NONE))
    assert (found.policy, found.mode, found.server_name, found.tlsa) == (PolicyType.NONE, local, HOST, ())
    assert found == held(local)
    assert (found.otherwise is not None) is (local is TlsMode.OPPORTUNISTIC)


def test_opportunistic_tls_that_fails_ends_in_clear_once_unless_there_is_a_password() -> None:
    clear = held(TlsMode.OPPORTUNISTIC).instead(TlsResult.VALIDATION_FAILURE)
    assert (clear.mode, clear.otherwise, clear.result) == (TlsMode.DISABLED, None, TlsResult.VALIDATION_FAILURE)
    assert held(TlsMode.OPPORTUNISTIC, clear_allowed=False).otherwise is None


@given(SETTINGS)
def test_an_enforced_policy_wants_a_verified_host_that_it_names(local: TlsMode) -> None:
    found = held(local, sts=ENFORCED)
    assert (found.policy, found.mode, found.otherwise) == (PolicyType.STS, TlsMode.VERIFY, None)
    refused = protect(local, HOST, sts=ELSEWHERE)
    assert isinstance(refused, Withheld)
    assert (refused.policy, refused.result) == (PolicyType.STS, TlsResult.VALIDATION_FAILURE)


def test_a_tested_policy_is_tried_and_then_our_own_setting_stands() -> None:
    first = held(TlsMode.OPPORTUNISTIC, sts=TESTED)
    assert (first.policy, first.mode) == (PolicyType.STS, TlsMode.VERIFY)
    second = first.instead(TlsResult.NOT_TRUSTED)
    assert (second.policy, second.mode, second.result) == (PolicyType.STS, TlsMode.OPPORTUNISTIC, TlsResult.NOT_TRUSTED)
    third = second.instead(TlsResult.VALIDATION_FAILURE)
    assert (third.policy, third.mode, third.result) == (PolicyType.STS, TlsMode.DISABLED, TlsResult.NOT_TRUSTED)
    assert held(TlsMode.VERIFY, sts=TESTED).otherwise is None, "the same is not tried twice"
    unnamed = held(TlsMode.REQUIRED, sts=TESTED_ELSEWHERE)
    assert (unnamed.mode, unnamed.result) == (TlsMode.REQUIRED, TlsResult.VALIDATION_FAILURE)


def test_a_policy_that_cannot_be_had_changes_only_what_is_reported() -> None:
    found = held(TlsMode.OPPORTUNISTIC, sts=StsFinding(fault=TlsResult.STS_FETCH_ERROR))
    assert (found.policy, found.mode, found.result) == (
        PolicyType.STS,
        TlsMode.OPPORTUNISTIC,
        TlsResult.STS_FETCH_ERROR,
    )
    assert found.otherwise == held(TlsMode.OPPORTUNISTIC).otherwise


@given(SETTINGS, POLICIES, RECORDS)
def test_usable_tlsa_records_stand_alone(local: TlsMode, policy: StsFinding | None, more: tuple[Tlsa, ...]) -> None:
    found = held(local, sts=policy, tlsa=TlsaFinding("real.a.test", (EE, *more)), domain="a.test")
    assert (found.policy, found.mode, found.otherwise) == (PolicyType.TLSA, TlsMode.REQUIRED, None)
    assert found.server_name == "real.a.test"
    assert found.names == ("real.a.test", HOST, "a.test")
    assert set(found.tlsa) == {EE, *({TA} if TA in more else ())}


@given(SETTINGS, POLICIES)
def test_a_look_up_that_fails_sends_nothing(local: TlsMode, policy: StsFinding | None) -> None:
    found = protect(local, HOST, sts=policy, tlsa=TlsaFinding(HOST, failed="SERVFAIL"))
    assert isinstance(found, Withheld)
    assert (found.policy, found.result) == (PolicyType.TLSA, TlsResult.DNSSEC_INVALID)


@given(SETTINGS, POLICIES)
def test_unusable_records_ask_for_tls_and_take_nothing_away(local: TlsMode, policy: StsFinding | None) -> None:
    without = protect(local, HOST, sts=policy)
    found = protect(local, HOST, sts=policy, tlsa=TlsaFinding(HOST, (PKIX,)))
    if isinstance(without, Withheld) or (without.mode is TlsMode.VERIFY and without.otherwise is None):
        assert found == without
        return
    assert isinstance(found, Protection)
    assert (found.policy, found.mode, found.otherwise) == (PolicyType.TLSA, TlsMode.REQUIRED, None)
    assert found.result is TlsResult.TLSA_INVALID


@given(SETTINGS, SETTINGS, POLICIES, POLICIES, RECORDS, RECORDS)
def test_only_equal_policies_share_a_connection(
    one: TlsMode, two: TlsMode, first: StsFinding, second: StsFinding, some: tuple[Tlsa, ...], others: tuple[Tlsa, ...]
) -> None:
    left = protect(one, HOST, sts=first, tlsa=TlsaFinding(HOST, some))
    right = protect(two, HOST, sts=second, tlsa=TlsaFinding(HOST, others))
    if isinstance(left, Protection) and left == right:
        assert isinstance(right, Protection)
        assert (left.mode, left.tlsa, left.otherwise) == (right.mode, right.tlsa, right.otherwise)
        assert hash(left) == hash(right)
