"""Forms that are shown again, and what their fields hold."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from shared.console.forms import as_body, field_of, lines_of, moment_of, number_of, refused
from shared.errors import Fault, ProblemError, invalid_request


class Body(BaseModel):
    name: str
    count: int


def test_a_fault_stands_at_its_field_and_the_others_above_the_form() -> None:
    faults = [Fault("#/scopes/0", "c", "No."), Fault("#/scopes/1", "c", "Nor this."), Fault("#/other", "c", "Odd.")]
    form = refused({"scopes": "x"}, invalid_request(faults))
    assert (form.faults, form.problem, form.status) == ({"scopes": "No."}, "Odd.", 422)


def test_what_forbids_a_form_is_told_above_it() -> None:
    fault = Fault("#/scopes/0", "scope_not_held", "No scope.")
    form = refused({"scopes": "x"}, ProblemError(403, "not_yours_to_grant", "Not yours.", errors=[fault]))
    assert (form.faults, form.problem, form.status) == ({"scopes": "No scope."}, "Not yours.", 403)
    assert refused({}, ProblemError(409, "conflict", "Again.")).problem == "Again."


def test_what_no_form_is_to_blame_for_is_raised() -> None:
    with pytest.raises(ProblemError):
        refused({}, ProblemError(503, "unavailable", "Not now."))


def test_a_form_is_read_as_the_api_reads_a_body() -> None:
    assert as_body(Body, {"name": "a", "count": 1}) == Body(name="a", count=1)
    with pytest.raises(ProblemError) as raised:
        as_body(Body, {"name": 1})
    assert [field_of(fault.pointer) for fault in raised.value.errors] == ["name", "count"]


@pytest.mark.parametrize(("text", "lines"), [("", []), ("a", ["a"]), (" a ,b\r\n\n c", ["a", "b", "c"]), (",\n,", [])])
def test_entries_stand_on_lines_or_apart_by_commas(text: str, lines: list[str]) -> None:
    assert lines_of(text) == lines


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("", None),
        ("2031-01-02T03:04", "2031-01-02T03:04:00Z"),
        ("2031-01-02T03:04:05", "2031-01-02T03:04:05Z"),
        ("2031-01-02T03:04:05+02:00", "2031-01-02T03:04:05+02:00"),
    ],
)
def test_a_browser_s_date_and_time_is_taken_as_utc(text: str, moment: str | None) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize(("text", "number"), [("", None), ("12", 12), ("x", "x"), ("-1", "-1"), ("9" * 30, "9" * 30)])
def test_a_number_or_what_stands_in_its_place(text: str, number: Any) -> None:
    assert number_of(text) == number
