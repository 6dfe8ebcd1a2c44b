"""Which values fit a declared field, and which fields may be declared."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.contacts.attributes import check_attributes
from services.ingest.contacts.fields import Field, field_of, new_field
from services.ingest.contacts.iso_formats import InvalidFormatError, compile_format
from services.ingest.faults import Faults


def field(type_: str, **parts: str) -> Field:
    faults = Faults()
    made = new_field({"name": "x", "type": type_, "format": parts or None}, "id", "now", faults)
    assert list(faults) == []
    return made


def refused(given: dict[str, Any]) -> list[str]:
    faults = Faults()
    new_field({"name": "x", "type": "text", **given}, "id", "now", faults)
    return list(faults)


VALUES: list[tuple[Field, list[Any], list[Any]]] = [
    (field("boolean"), [True, False], [1, "true", "", 0.0]),
    (field("integer"), [0, -5, 2**63 - 1], [1.0, "1", True, 2**63]),
    (field("text"), ["", "x", "ü" * 10_000], [1, True, 1.5, "x" * 10_001]),
    (field("text", text="email"), ["a@b.test", "ü@b.test"], ["a", "a@", "a b@c.test", ""]),
    (field("text", text="phone"), ["+41 44 668 18 00", "0800-123", "(044) 1"[1:]], ["+", "phone", "+41x", "1" * 40]),
    (field("text", text="uuid"), ["01a1ff9f-ee49-7f84-b2cd-523ffe3bc9fd"], ["01a1ff9fee497f84b2cd523ffe3bc9fd", "x"]),
    (field("text", text="url"), ["https://a.test/x?y=1", "http://a.test:80"],
     ["a.test", "ftp://a.test", "javascript:alert(1)", "https://", "http://a.test:x", "http://a b.test", "http://[a"]),
    (field("text", text="regex", pattern="^[A-Z]{2}\\d+$"), ["AB1"], ["ab1", "AB", "xAB1", "A" * 501]),
    (field("date"), ["2024-02-29"], ["2023-02-29", "2024-2-9", "20240209", "2024-02-09T00:00:00Z", "2024-W01-1", ""]),
    (field("datetime"), ["2024-02-29T12:00:00Z", "2024-02-29t12:00:00.123+02:00"],
     ["2024-02-29T12:00:00", "2024-02-30T12:00:00Z", "2024-02-29T25:00:00Z", "2024-02-29 12:00:00Z", "2024-02-29"]),
    (field("date", iso_format="DD.MM.YYYY"), ["29.02.2024"], ["29.02.2023", "2024-02-29", "9.2.2024", "29.02.2024 "]),
    (field("datetime", iso_format="YYYY-MM-DDTHH:mm:ss.SSSZ"),
     ["2024-02-29T12:00:00.123+02:00", "2024-02-29T12:00:00.123Z"],
     ["2024-02-29T12:00:00Z", "2024-02-29T24:00:00.123Z"]),
    (field("datetime", iso_format="[at] HH:mm"), ["at 23:59"], ["at 24:00", "23:59"]),
]  # fmt: skip


@pytest.mark.parametrize(("declared", "good", "bad"), VALUES, ids=lambda value: getattr(value, "type", ""))
def test_values_fit_their_field(declared: Field, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if declared.complaint(value)] == []
    assert [value for value in bad if declared.complaint(value) is None] == []
    assert [value for value in ([], {}, None) if declared.complaint(value) is None] == []
    assert field_of(declared.shown()) == declared


@pytest.mark.parametrize(
    ("given", "places"),
    [
        ({"name": "email"}, ["#/name"]), ({"name": "a b"}, ["#/name"]), ({"name": "1a"}, ["#/name"]),
        ({"name": ""}, ["#/name"]),
        ({"type": "integer", "format": {"text": "url"}}, ["#/format/text"]),
        ({"format": {"text": "regex"}}, ["#/format/pattern"]),
        ({"format": {"pattern": "a"}}, ["#/format/pattern"]),
        ({"format": {"text": "url", "pattern": "a"}}, ["#/format/pattern"]),
        ({"format": {"text": "regex", "pattern": "(a"}}, ["#/format/pattern"]),
        ({"format": {"iso_format": "YYYY"}}, ["#/format/iso_format"]),
        ({"type": "date", "format": {"iso_format": "YY"}}, ["#/format/iso_format"]),
        ({"type": "date", "format": {"iso_format": "", "text": "email"}}, ["#/format/text", "#/format/iso_format"]),
        ({"name": "id", "format": {"text": "regex"}}, ["#/name", "#/format/pattern"]),
    ],
)  # fmt: skip
def test_what_may_not_be_declared_is_told(given: dict[str, Any], places: list[str]) -> None:
    assert refused(given) == places


@given(st.datetimes(min_value=datetime(1000, 1, 1)))
def test_forms_take_what_strftime_writes(moment: datetime) -> None:
    for form, written in (
        ("YYYY-MM-DD", "%Y-%m-%d"), ("DD/MM/YYYY HH:mm", "%d/%m/%Y %H:%M"),
        ("[on] MM-DD [at] HH.mm.ss", "on %m-%d at %H.%M.%S"),
    ):  # fmt: skip
        fits = compile_format(form).fits(moment.strftime(written))
        assert fits or (moment.month, moment.day) == (2, 29)
    assert field("date").complaint(date.isoformat(moment.date())) is None
    assert field("datetime").complaint(moment.replace(tzinfo=UTC, microsecond=0).isoformat()) is None


@pytest.mark.parametrize("form", ["", "-", "YYYY-YYYY", "YY", "YYYY-Q", "[YYYY", "YYYY]", "x" * 61])
def test_forms_of_unknown_tokens_are_refused(form: str) -> None:
    with pytest.raises(InvalidFormatError):
        compile_format(form)


def test_nested_data_is_for_those_who_ask_for_it_and_bounded() -> None:
    deep: Any = 1
    for _ in range(8):
        deep = [deep]
    given = {
        "fine": {"a": [1, {"b": None}]},
        "deep": [deep],
        "large": {"n": 2**63},
        "name": [{"$ref": 1}],
        "gone": None,
    }
    faults = Faults()
    kept, removed = check_attributes({**given, "just": deep}, {}, faults, nested=True, at="data")
    assert list(faults) == ["#/data/deep", "#/data/large", "#/data/name"]
    assert (kept, removed) == ({"fine": given["fine"], "just": deep}, ["gone"])
    faults = Faults()
    declared = {"fine": field("text")}
    check_attributes(given, declared, faults, nested=True)
    assert "#/attributes/fine" in list(faults)
