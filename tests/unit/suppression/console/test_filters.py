"""The choices of forms are what the API takes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.suppression.api.filters import wanted_of
from services.suppression.api.schemas import Listed
from services.suppression.console.filters import (
    ENDS_OPTIONS,
    ORIGIN_OPTIONS,
    REASON_OPTIONS,
    SCOPE_OPTIONS,
    STREAM_OPTIONS,
    filters_of,
    listed_of,
)
from services.suppression.console.places import at_field, place_named, where_options
from services.suppression.rules import EntryType, Reason
from services.suppression.store import Wanted
from shared.errors import ProblemError

CHOICES = {
    "reason": REASON_OPTIONS,
    "scope": SCOPE_OPTIONS,
    "stream": STREAM_OPTIONS,
    "origin": ORIGIN_OPTIONS,
    "ends": ENDS_OPTIONS,
}


def wanted(**given: str) -> Wanted:
    return wanted_of("w1", Listed(**listed_of(given)))


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, options in CHOICES.items() for value, _ in options if value]
)
def test_every_choice_is_a_filter_of_the_api(name: str, value: str) -> None:
    assert wanted(**{name: value}) != Wanted("w1")


def test_a_reason_is_a_type_or_one_of_the_causes_of_a_bounce() -> None:
    assert wanted(reason="bounce").types == [EntryType.BOUNCE]
    assert wanted(reason="inactive").causes == [Reason.INACTIVE]
    assert wanted(ends="30").expiring == timedelta(days=30)
    assert (wanted(ends="some").expiring, wanted(ends="never").expiring) == (True, False)


@pytest.mark.parametrize("given", [{"reason": "x"}, {"ends": "x"}, {"scope": "x"}, {"domain": "..."}])
def test_what_is_no_choice_is_refused_as_by_the_api(given: dict[str, str]) -> None:
    with pytest.raises(ProblemError):
        wanted(**given)


def test_filters_that_say_nothing_are_none() -> None:
    assert filters_of({"search": " ann@b.example ", "reason": "", "page": "2"}) == {"search": "ann@b.example"}
    assert listed_of({}) == {"search": None, "filters": None}


def test_what_it_stops_is_one_field() -> None:
    named = [place_named(value) for value, _ in where_options(["acme.example"])]
    assert named[0] == {}
    assert {"scope": "stream", "stream": "billing"} in named
    assert named[-1] == {"scope": "domain", "domain": "acme.example"}
    assert place_named("elsewhere") == {"scope": "elsewhere"}


def test_faults_of_a_place_stand_at_that_field() -> None:
    assert [at_field(f"#/{name}") for name in ("scope", "domain", "stream", "email")] == ["where"] * 3 + ["email"]
