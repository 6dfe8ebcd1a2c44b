"""How a sending domain stands, in words."""

from __future__ import annotations

from typing import Any

import pytest

from services.ingest.console.domain_words import checked, record_of, standing_of, state_of, summary_of, zone_file


def record(purpose: str = "ownership", **changes: Any) -> dict[str, Any]:
    return {
        "type": "TXT", "name": "_posthorn.shop.test", "value": "posthorn-verification=1", "is_valid": False,
        "purpose": purpose, "required": purpose == "ownership", "selector": None, "found": [], "problem": None,
        "warning": None, **changes,
    }  # fmt: skip


def view(*records: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "name": "shop.test", "status": "pending", "rotating": False, "checked_at": "2026-01-01T00:00:00Z",
        "dns": list(records), **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"is_valid": True}, ("good", "found")),
        ({"is_valid": True, "warning": "The record has `pct`."}, ("warn", "found, with a warning")),
        ({"problem": "The record is not published."}, ("bad", "missing")),
        ({"problem": "The record has another value.", "found": ["x"]}, ("bad", "wrong")),
        ({"purpose": "dmarc", "required": False, "found": ["x"]}, ("warn", "wrong")),
        ({"problem": "The record could not be looked up (timeout); …"}, ("mute", "DNS did not answer")),
    ],
)
def test_what_the_dns_shows_of_a_record(changes: dict[str, Any], state: tuple[str, str]) -> None:
    assert state_of(view(), record(**changes)) == state


def test_before_the_first_look_nothing_is_missing() -> None:
    assert state_of(view(checked_at=None), record()) == ("mute", "not looked up yet")


@pytest.mark.parametrize(
    ("changes", "tone", "said"),
    [
        ({"status": "pending"}, "calm", "Publish the required record below"),
        ({"status": "failing"}, "warn", "still sends"),
        ({"status": "suspended"}, "bad", "Publish them again"),
    ],
)
def test_a_domain_that_is_not_well_says_what_to_do(changes: dict[str, Any], tone: str, said: str) -> None:
    standing = standing_of(view(record(), **changes))
    assert (standing.tone, said in standing.advice) == (tone, True)


def test_a_verified_domain_names_what_is_worth_publishing() -> None:
    dkim = record("dkim", selector="ph1", is_valid=True)
    standing = standing_of(view(dkim, record("dmarc"), record("return_path"), status="active"))
    assert standing.advice == "Still worth publishing: DMARC, Return path."
    assert "daily" in standing_of(view(dkim, status="active")).advice
    assert "new DKIM keys wait" in standing_of(view(dkim, status="active", rotating=True)).title


def test_a_row_counts_what_is_there_and_names_what_lacks() -> None:
    shown = view(record(), record("dkim", selector="ph1", is_valid=True, required=True), record("dmarc"))
    summary = summary_of(shown)
    assert (summary["valid"], summary["wanted"], summary["missing"]) == (1, 3, ["Ownership"])
    assert checked(shown).endswith("1 of 3 records are as they should be. Required and not there: Ownership.")
    assert record_of(shown, record("dkim", selector="ph1"))["title"] == "DKIM key ph1"


def test_a_zone_file_cuts_long_texts_into_strings() -> None:
    lines = zone_file([record(value="a" * 300), record("return_path", type="CNAME", value="returns.test")]).splitlines()
    assert lines[0] == f'_posthorn.shop.test. 3600 IN TXT "{"a" * 255}" "{"a" * 45}"'
    assert lines[1] == "_posthorn.shop.test. 3600 IN CNAME returns.test."
