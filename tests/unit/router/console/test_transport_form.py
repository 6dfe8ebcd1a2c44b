"""The forms of transports, breakers and explained messages."""

from __future__ import annotations

from typing import Any

import pytest

from services.router.console.explain_form import FIELDS as ASKED
from services.router.console.explain_form import body_of
from services.router.console.transport_form import FIELDS, NEW, breaker_change, changes_of, filled, new_transport
from shared.console.forms import field_of
from shared.errors import ProblemError
from tests.unit.router.test_routes_file import view

EMPTY = dict.fromkeys((*FIELDS, "kind"), "")
SMART = EMPTY | {"name": "R", "kind": "smarthost", "host": "r.example", "port": "587", "tls": "verify", "weight": "5"}


def test_a_new_transport_takes_its_defaults_for_what_is_empty() -> None:
    made = new_transport(SMART)
    assert (made.port, made.weight, made.max_connections, made.ehlo_name, made.enabled) == (587, 5, None, None, True)


def test_a_direct_one_is_at_port_25_whatever_the_form_had_for_a_smart_host() -> None:
    made = new_transport({**NEW, "name": "D", "kind": "direct", "tls": "opportunistic"})
    assert (made.kind, made.port, made.host) == ("direct", 25, None)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"username": "ann"}, {"username": "ann"}),
        ({"username": "ann", "password": " p "}, {"username": "ann", "password": " p "}),
        ({}, {"username": None, "password": None}),
    ],
)
def test_credentials_are_kept_changed_or_taken_away(fields: dict[str, str], named: dict[str, Any]) -> None:
    changes = changes_of({**SMART, **fields}, {"kind": "smarthost"})
    shown = changes.model_dump(exclude_unset=True)
    assert {name: shown[name] for name in ("username", "password") if name in shown} == named
    assert shown["max_connections"] is None


def test_a_transport_fills_its_form_and_comes_back_the_same() -> None:
    there = view("relay")
    changes = changes_of({name: str(value) for name, value in filled(there).items()}, there)
    assert {name: there[name] for name in changes.model_fields_set if name in there} == {
        name: getattr(changes, name) for name in changes.model_fields_set if name in there
    }


@pytest.mark.parametrize(
    ("fields", "faulty"),
    [
        ({"name": ""}, {"name"}),
        ({"port": "x", "weight": "-1"}, {"port", "weight"}),
        ({"kind": "pigeon", "host": "no host"}, {"kind", "host"}),
    ],
)
def test_faults_are_by_field(fields: dict[str, str], faulty: set[str]) -> None:
    with pytest.raises(ProblemError) as refused:
        new_transport({**SMART, **fields})
    assert {field_of(fault.pointer) for fault in refused.value.errors} == faulty


def test_a_breaker_that_is_closed_has_no_time() -> None:
    change = breaker_change({"state": "closed", "rollup": "", "seconds": "600", "reason": "over"})
    assert (change.seconds, change.reason) == (None, "over")


def test_an_explained_message_has_its_tags_and_its_attempt_before() -> None:
    said = {"from": "a@b.example", "to": "c@d.example", "tags": " x,, y ", "last": "relay", "attempt": "2"}
    body = body_of({**dict.fromkeys(ASKED, ""), **said})
    assert (body.tags, body.attempt) == (["x", "y"], 2)
    assert body.last is not None
    assert (body.last.transport, body.last.scope) == ("relay", None)
