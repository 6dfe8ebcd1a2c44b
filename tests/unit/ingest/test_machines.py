"""Which requests are machines'."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.tracking.machines import PREFETCH, PROXY, SCANNER, is_hasty, machine_of

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        (IPHONE, None),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.3.0", None),
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)", None),
        ("Mozilla/5.0 (Linux; Android 12; CUBOT KINGKONG 7) AppleWebKit/537.36 Chrome/126 Mobile Safari/537.36", None),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", PROXY),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", PROXY),
        ("Mozilla/5.0", PROXY),
        ("BarracudaCentral", SCANNER),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", SCANNER),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", SCANNER),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/126 Safari/537.36", SCANNER),
        ("curl/8.5.0", SCANNER),
        ("python-httpx/0.28.1", SCANNER),
        ("", SCANNER),
    ],
)  # fmt: skip
def test_what_programs_say_of_themselves(agent: str, reason: str | None) -> None:
    assert machine_of({"user-agent": agent}) == reason


@pytest.mark.parametrize(
    ("name", "value"),
    [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "prefetch"), ("x-purpose", "preview")],
)
def test_what_is_fetched_in_advance_is_seen_by_nobody(name: str, value: str) -> None:
    assert machine_of({"user-agent": IPHONE, name: value}) == PREFETCH


def test_who_says_nothing_is_a_machine() -> None:
    assert machine_of({}) == SCANNER


def test_haste_is_measured_from_when_the_message_was_handed_over_or_else_accepted() -> None:
    handed_over, accepted = NOW - timedelta(seconds=4), NOW - timedelta(hours=1)
    assert is_hasty(NOW, handed_over, accepted, 5)
    assert not is_hasty(NOW, handed_over, accepted, 4)
    assert not is_hasty(NOW, None, accepted, 5)
    assert is_hasty(NOW, None, handed_over, 5)
    assert is_hasty(NOW, NOW + timedelta(seconds=1), accepted, 5)  # it came before the server had said 250
    assert not is_hasty(NOW, NOW, NOW, 0)
