"""Rules, outcomes of replays and transports in words."""

from __future__ import annotations

from typing import Any

import pytest

from services.router.console.replay_words import said, verdict_of
from services.router.console.rule_words import does, matches
from services.router.console.wording import listed, names_of
from services.router.routes.model import Rule

NAMES = {"direct": "Direct", "r": "Frankfurt"}


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({}, "All mail"),
        ({"streams": ["billing", "product"]}, "Mail of the stream billing or product"),
        ({"tags": ["a", "b", "c"], "size": {"at_most": 2048}}, "Mail tagged a, b or c, of at most 2.0 KiB"),
        ({"sender_domains": ["*.acme.example"]}, "Mail from any name below acme.example"),
        ({"recipient_domains": ["a.example", "*.b.example"]}, "Mail to a.example or any name below b.example"),
        ({"rollups": ["google"], "attempt": {"at_least": 1}},
         "Mail to the mail hosts of google, after at least 1 attempt"),
        ({"size": {"at_least": 1024, "at_most": 2048}}, "Mail of 1.0 KiB to 2.0 KiB"),
    ],
)  # fmt: skip
def test_conditions(when: dict[str, Any], words: str) -> None:
    assert matches(Rule.model_validate({"id": "x", "when": when}).when) == words


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"lane": "critical"}, "moves to the critical lane; the next rules are asked where it goes"),
        ({"hold": {"reason": "they move"}}, "is held: they move"),
        (
            {"hold": {"reason": "they move", "until": "2026-12-01T06:00:00Z"}},
            "is held, until 01 Dec 2026, 06:00 UTC at most: they move",
        ),
        ({"reject": {"reason": "over", "reply": "closed"}}, "is refused: over (closed)"),
        ({"route": [[{"transport": "r"}], [{"transport": "direct"}]]}, "goes by Frankfurt, else by Direct"),
        (
            {"route": [[{"transport": "r", "weight": 2}, {"transport": "gone"}]], "lane": "standard"},
            "goes by Frankfurt (weight 2) or gone, in the standard lane",
        ),
    ],
)
def test_actions(action: dict[str, Any], words: str) -> None:
    assert does(Rule.model_validate({"id": "x", **action}), NAMES) == words


@pytest.mark.parametrize(
    ("outcome", "what", "by"),
    [
        ({"action": "route", "transport": "r", "rule": "workspace:x"}, "Frankfurt", "rule x, standard lane"),
        ({"action": "hold", "reason": "they move", "rule": "platform:old"}, "held: they move",
         "the platform’s rule old, standard lane"),
        ({"action": "reject", "reason": "over", "rule": "workspace:x"}, "refused: over", "rule x, standard lane"),
        ({"action": "no_route", "rule": "default"}, "no way out", "the failover order, standard lane"),
        ({"action": "wait", "reason": "dns", "rule": "platform:default"}, "waits: dns",
         "the platform’s failover order, standard lane"),
        ({"action": "wait", "rule": None}, "waits", "no rule, standard lane"),
    ],
)  # fmt: skip
def test_outcomes(outcome: dict[str, Any], what: str, by: str) -> None:
    found = said({"transport": None, "reason": None, "lane": "standard", **outcome}, NAMES)
    assert (found.what, found.by) == (what, by)


@pytest.mark.parametrize(
    ("decisions", "otherwise", "by_another", "tone", "words"),
    [
        (0, 0, 0, "mute", "No decisions were made in this time."),
        (5, 0, 0, "good", "Every message would have gone as it went."),
        (5, 0, 2, "good", "Every message would have gone the same way, 2 by another rule."),
        (5, 3, 2, "warn", "3 of 5 would have gone otherwise."),
    ],
)
def test_a_replay_in_a_sentence(decisions: int, otherwise: int, by_another: int, tone: str, words: str) -> None:
    found = {"decisions": decisions, "otherwise": otherwise, "by_another_rule": by_another}
    assert verdict_of(found) == (tone, words)


def test_two_transports_of_one_name_are_told_apart() -> None:
    views = [{"id": "direct", "name": "Direct"}, {"id": "0198-aaaaaa", "name": "R"}, {"id": "0198-bbbbbb", "name": "R"}]
    assert names_of(views) == {"direct": "Direct", "0198-aaaaaa": "R (aaaaaa)", "0198-bbbbbb": "R (bbbbbb)"}


@pytest.mark.parametrize(
    ("words", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_lists(words: list[str], text: str) -> None:
    assert listed(words) == text
