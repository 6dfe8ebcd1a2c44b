"""A key's form, and its scopes in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.ingest.console.audit_words import link_of, told
from services.ingest.console.key_form import body_of, changes_of, filled, key_state
from services.ingest.console.scopes import SCOPE_WORDS, said_of
from shared.auth import WORKSPACE_SCOPES

KEY: dict[str, Any] = {
    "name": "billing",
    "scopes": ["email.send"],
    "expires_at": "2031-02-03T04:05:06.789Z",
    "allowed_ips": ["192.0.2.0/24", "2001:db8::/32"],
    "domains": [],
    "default_stream": None,
    "rate_limit": 600,
}


def test_every_scope_has_its_words() -> None:
    assert set(SCOPE_WORDS) == set(WORKSPACE_SCOPES)


@pytest.mark.parametrize(
    ("scopes", "said"),
    [
        (["email.send"], "Send mail"),
        (["email.send", "email.history"], "Send mail, read messages"),
        (list(WORKSPACE_SCOPES), "Everything"),
        ([], "–"),
    ],
)
def test_scopes_in_words(scopes: list[str], said: str) -> None:
    assert said_of(scopes) == said


def test_a_form_that_was_not_touched_changes_nothing() -> None:
    assert changes_of(KEY, filled(KEY)) == {}


def test_a_change_asks_for_what_was_changed() -> None:
    given = {**filled(KEY), "allowed_ips": "192.0.2.0/24, 198.51.100.7\n", "rate_limit": "", "expires_at": ""}
    assert changes_of(KEY, given) == {
        "allowed_ips": ["192.0.2.0/24", "198.51.100.7"],
        "rate_limit": None,
        "expires_at": None,
    }


def test_what_is_no_number_and_no_time_goes_to_the_api_as_it_is() -> None:
    body = body_of({**filled(KEY), "rate_limit": "many", "expires_at": "2031-01-01T00:00"})
    assert (body["rate_limit"], body["expires_at"]) == ("many", "2031-01-01T00:00:00Z")


def test_a_key_expires() -> None:
    assert key_state(KEY, datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)) == "active"
    assert key_state(KEY, datetime(2031, 2, 3, 4, 5, 7, tzinfo=UTC)) == "expired"
    assert key_state({**KEY, "expires_at": None}) == "active"


def test_the_audit_log_in_words() -> None:
    assert told("api_key.revoked") == "revoked the API key"
    assert told("thing.turned") == "thing turned"
    assert (link_of("domain", "1"), link_of("sender", "1")) == ("/console/domains/1", None)
