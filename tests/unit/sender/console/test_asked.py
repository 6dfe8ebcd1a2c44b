"""What forms ask for, as the API takes it; and what came of it, in words."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.datastructures import QueryParams

from services.sender.console.asked import action_of, asked_of
from services.sender.console.wording import place, result, selected
from services.sender.queue.actions import Action
from services.sender.queue.selection import Selection

ID = "0190b7a4-5c3e-7d11-8a52-3f6f1f3f9a10"


def asked(action: Action, query: str) -> Any:
    return asked_of(action, QueryParams(query))


def test_a_form_becomes_the_body_of_its_action_and_of_no_other() -> None:
    everything = f"messages={ID.upper()}&domain=+a.example+&reason=x&until=2030-01-02T03:04&to=t1&hold=h1&workspace="
    common = {"domain": "a.example", "messages": [ID]}
    bodies = {action: asked(action, everything).body for action in Action}
    assert bodies == {
        Action.RETRY: common,
        Action.HOLD: {**common, "reason": "x", "until": "2030-01-02T03:04:00Z"},
        Action.RELEASE: {**common, "hold": "h1"},
        Action.BOUNCE: {**common, "reason": "x"},
        Action.REROUTE: {**common, "to": "t1"},
    }


def test_what_is_selected_stays_within_the_workspace() -> None:
    some = asked(Action.RETRY, f"messages={ID}&workspace=other")
    assert some.selection("w1") == Selection(frozenset([ID]), "w1")
    assert some.names_something
    assert not asked(Action.RETRY, "reason=x").names_something
    assert asked(Action.RETRY, "rollup=google").selection("w1") == Selection(None, "w1", rollup="google")


def test_another_action_asks_for_the_same_and_leads_back_to_the_same_page() -> None:
    url = asked(Action.HOLD, "domain=a.example&reason=x&back=/console/queue?lane=critical").url(Action.BOUNCE)
    assert dict(parse_qsl(urlsplit(url).query)) == {
        "action": "bounce", "domain": "a.example", "back": "/console/queue?lane=critical",
    }  # fmt: skip


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/v1/queue"])
def test_no_form_leads_out_of_the_console(back: str) -> None:
    assert asked(Action.HOLD, f"back={back}").back == "/console"


def test_an_unknown_action_is_the_one_that_undoes_nothing() -> None:
    assert [action_of(name) for name in (None, "", "delete", "hold")] == [Action.RETRY] * 3 + [Action.HOLD]


def test_what_was_selected_reads_as_words() -> None:
    names = {"t1": "Direct", "t2": "Frankfurt relay"}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"workspace": "w1"}, "all mail"),
        ({"messages": [ID], "workspace": "w1"}, "1 message"),
        ({"messages": [ID, "x"], "domain": "a.example"}, "2 messages to a.example"),
        ({"rollup": "static:*.example", "transport": "t1"}, "all mail to the hosts *.example by Direct"),
        ({"rollup": "smarthost:t2", "transport": "t2"}, "all mail by Frankfurt relay"),
        ({"transport": "gone"}, "all mail by gone"),
    ]
    for selection, words in cases:
        assert selected(selection, names) == words
    assert place("t2", "smarthost:t2", names) == ("Frankfurt relay", "smart host")
    assert place("t1", "google", names) == ("google", "by Direct")
    assert place(None, None, names) == ("no route yet", "")


def test_what_came_of_a_job_is_said_with_what_it_left() -> None:
    job: dict[str, Any] = {"action": "retry", "state": "done", "changed": 2, "refused": {}}
    assert result(job) == "Retry now: 2 messages due now."
    left = {"under_way": 1, "held": 1200}
    assert result(job | {"changed": 1, "refused": left}) == (
        "Retry now: 1 message due now; left as they were: 1 being delivered, 1\N{THIN SPACE}200 held."
    )
    assert "wider hold" in result(job | {"action": "release", "refused": {"held": 1}})
    assert "asked for" in result(job | {"state": "open"})
