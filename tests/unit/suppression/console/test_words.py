"""What pages say of reasons, entries, erasures and imports: something for each that there is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest

from services.suppression.api.filters import Origin
from services.suppression.api.schemas import SuppressionView
from services.suppression.console.certificates import counts_said, sentence_of, tone_of
from services.suppression.console.evidence import advice_of, told_by
from services.suppression.console.progress import BROKEN_OFF, percent, shown
from services.suppression.console.words import note_of, origin_said, reason_said, stops
from services.suppression.erasing.certificate import SERVICES, State
from services.suppression.rules import Reason, Scope
from services.suppression.store.imports import ImportState
from tests.unit.suppression.made import NOW


def view(cause: str = "hard_bounce", **changes: Any) -> dict[str, Any]:
    whole = {"cause": cause, "reason": cause, "scope": "workspace", "domain": None, "stream": None, "evidence": {}}
    return {**whole, **changes}


@pytest.mark.parametrize("cause", list(Reason))
def test_every_reason_has_its_words(cause: Reason) -> None:
    assert all((reason_said(cause).title, reason_said(cause).meaning, advice_of(view(cause))))
    assert told_by(view(cause)).sentence.endswith(".")


def test_every_origin_and_scope_has_its_words() -> None:
    assert set(get_args(SuppressionView.model_fields["origin"].annotation)) == {str(each) for each in Origin}
    assert all(origin_said(each) for each in Origin)
    said = {stops(view(scope=scope, domain="acme.example", stream="billing")) for scope in Scope}
    assert said == {"All mail", "All mail, of every workspace", "Mail from acme.example", "Mail of the stream billing"}


def test_an_entry_is_told_by_its_host_or_by_who_made_it() -> None:
    bounced = view(evidence={"reply": "5.1.1 no such user"})
    assert (told_by(bounced).who, told_by(bounced).words) == ("The host said", "5.1.1 no such user")
    noted = view("manual", reason="asked by phone")
    assert (told_by(noted).who, told_by(noted).words) == ("The note says", "asked by phone")
    assert told_by(view("manual")).words is None
    assert (note_of(bounced), note_of(noted), note_of(view())) == ("5.1.1 no such user", "asked by phone", None)


@pytest.mark.parametrize(("class_", "words"), [("mailbox_full", "full mailbox"), ("connection", "not be reached")])
def test_what_bounced_too_often_says_by_what(class_: str, words: str) -> None:
    assert words in told_by(view("soft_bounce_limit", evidence={"class": class_})).sentence


def test_an_erasure_says_who_is_waited_for() -> None:
    certificate = {"state": "running", "waiting_for": ["router", "sender", "webhooks"]}
    assert sentence_of(certificate).startswith(
        "2 of 5 services have confirmed; waiting for router, sender and webhooks."
    )
    assert "waiting for webhooks." in sentence_of({"state": "running", "waiting_for": ["webhooks"]})
    assert "0 of 5" in sentence_of({"state": "running", "waiting_for": list(SERVICES)})
    assert all(tone_of(state) and sentence_of({"state": state, "waiting_for": ["sender"]}) for state in State)
    assert counts_said({"messages": 2, "contacts": 0, "suppressions_by_hmac": 1}) == (
        "messages: 2, suppressions by hash alone: 1"
    )
    assert counts_said({}) == "held nothing"


def imported(**changes: Any) -> dict[str, Any]:
    whole = {"state": ImportState.RUNNING, "began_at": NOW, "at": NOW + timedelta(seconds=2), "quiet": 0.5}
    return {**whole, "size": 1000, "read": 250, "rows": 3000, **changes}


def test_an_import_shows_how_far_it_is() -> None:
    assert shown(None) == {"file": None}
    running = shown(imported())["file"]
    assert (running["running"], running["percent"], running["per_second"]) == (True, 25, 1500)
    assert (running["faulty"], running["faults"], running["problem"]) == (0, [], None)
    done = shown(imported(state=ImportState.DONE, problem=None, quiet=4000.0))["file"]
    assert (done["running"], done["problem"]) == (False, None)
    silent = shown(imported(quiet=61.0))["file"]
    assert (silent["running"], silent["problem"]) == (False, BROKEN_OFF)
    assert (percent(5, None), percent(2000, 1000)) == (None, 100)
