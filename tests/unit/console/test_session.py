"""Sessions of the console: what a cookie is worth, and how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.console.gate import safe_target
from shared.console.session import Sessions
from shared.contracts.entities import ApiKey

KEY = ApiKey(name="support", digest="d" * 64, prefix="ph_live_abcd", scopes=["email.history"])
SESSIONS = Sessions(b"k" * 32, timedelta(hours=1))


def test_a_cookie_opens_as_it_was_sealed_and_under_no_other_key() -> None:
    session = SESSIONS.of_key("w1", "k1", KEY, KEY.digest)
    cookie = SESSIONS.seal(session)
    assert SESSIONS.open(cookie) == session
    assert Sessions(b"x" * 32, timedelta(hours=1)).open(cookie) is None
    assert KEY.digest not in cookie


@given(st.integers(0, 400), st.characters(codec="ascii", categories=["L", "N"]))
def test_a_changed_cookie_opens_nothing(place: int, put: str) -> None:
    cookie = SESSIONS.seal(SESSIONS.of_role("w1", "ann@corp.example", ("email.history",)))
    place %= len(cookie)
    changed = cookie[:place] + put + cookie[place + 1 :]
    opened = SESSIONS.open(changed)
    assert opened is None or opened == SESSIONS.open(cookie)


def test_a_session_ends_with_its_time_and_never_later_than_its_key() -> None:
    session = SESSIONS.of_key("w1", "k1", KEY, KEY.digest)
    ended = replace(session, ends_at=int(datetime.now(UTC).timestamp()) - 1)
    assert SESSIONS.open(SESSIONS.seal(ended)) is None
    soon = datetime.now(UTC) + timedelta(minutes=5)
    short = SESSIONS.of_key("w1", "k1", KEY.with_changes(expires_at=soon), KEY.digest)
    assert short.ends_at == int(soon.timestamp())


def test_each_session_has_an_id_and_a_form_token_of_its_own() -> None:
    one, other = (SESSIONS.of_key("w1", "k1", KEY, KEY.digest) for _ in range(2))
    assert one.id != other.id
    assert SESSIONS.is_form_token(one.id, SESSIONS.form_token(one.id))
    assert not SESSIONS.is_form_token(one.id, SESSIONS.form_token(other.id))
    assert not SESSIONS.is_form_token(one.id, "ü")


def test_a_notice_is_told_only_where_it_is_ours() -> None:
    sealed = SESSIONS.seal_notice("Canceled: it will not be sent.")
    assert SESSIONS.open_notice(sealed) == "Canceled: it will not be sent."
    assert SESSIONS.open_notice("<b>foreign</b>") is None
    assert SESSIONS.open(sealed) is None  # a notice is no session


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/console", "//evil.example/console", "/console.evil", "/consolex", "javascript:alert(1)",
        "/v1/emails", "", "\\\\evil.example", "/console/\\evil.example", "/console/sign-in?next=/console", "console",
    ],
)  # fmt: skip
def test_a_sign_in_leads_to_pages_of_the_console_alone(wanted: str) -> None:
    assert safe_target(wanted) == "/console"


@pytest.mark.parametrize("wanted", ["/console", "/console/messages?q=a%40b&status=bounced", "/console/messages/x#says"])
def test_a_sign_in_leads_back(wanted: str) -> None:
    assert safe_target(wanted) == wanted
