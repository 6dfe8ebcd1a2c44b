"""The pure checks of a sending request."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.acceptance.header_rules import RESERVED, check_headers
from services.ingest.acceptance.idempotency import digest_of, read_key
from services.ingest.acceptance.send_request import (
    MOST_FAULTS,
    MalformedJsonError,
    SendRequest,
    TrackingInput,
    parse_send_request,
)
from services.ingest.acceptance.validation import Checked, check
from services.ingest.faults import Faults, pointer_to
from shared.contracts.entities import Workspace
from shared.errors import ProblemError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIFE = timedelta(hours=48)
WORKSPACE = Workspace(name="w", owner_email="o@w.test")
GOOD: dict[str, Any] = {"from": "a@acme.test", "subject": "s", "text": "t", "to": ["b@c.test"]}
HEADER_NAMES = st.one_of(
    st.text("abX-", min_size=1, max_size=8), st.sampled_from(sorted(RESERVED)), st.text(max_size=6)
)


def checked(workspace: Workspace = WORKSPACE, **changes: Any) -> tuple[Checked, set[str]]:
    request, faults = parse_send_request(orjson.dumps({**GOOD, **changes}))
    return check(request, workspace, NOW, LIFE, faults), set(faults)


@given(st.dictionaries(HEADER_NAMES, st.text(max_size=20), max_size=5))
def test_no_header_that_passes_can_break_a_message(given_headers: dict[str, str]) -> None:
    faults = Faults()
    headers, _ = check_headers(given_headers, faults)
    for name, value in headers.items():
        assert name.isascii()
        assert name.replace("-", "").isalnum() or set(name) == {"-"}
        assert name.lower() not in RESERVED
        assert not any(character in value for character in "\r\n\0")
    assert len({name.lower() for name in headers}) == len(headers)
    assert len(headers) + len(set(faults)) >= len(given_headers) - sum(
        name.lower() in ("x-leadpush-tag", "x-posthorn-tag") for name in given_headers
    )


@given(st.lists(st.sampled_from(["a@b.test", "A@b.test", "a@B.TEST", "c@b.test", "C@B.test"])), st.data())
def test_recipients_are_unique_and_the_first_of_to_cc_bcc_wins(addresses: list[str], data: st.DataObject) -> None:
    lists: dict[str, list[str]] = {"to": [], "cc": [], "bcc": []}
    for address in addresses:
        lists[data.draw(st.sampled_from(sorted(lists)))].append(address)
    result, places = checked(**lists)
    if not addresses:
        assert places == {"#/to"}
        return
    assert places == set()
    first = {}
    for name in ("to", "cc", "bcc"):
        for address in lists[name]:
            first.setdefault(address.lower(), name)
    assert [(one.address.lower(), one.type.value) for one in result.recipients] == list(first.items())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from([*(field.alias or name for name, field in SendRequest.model_fields.items()), "other"])


@given(st.dictionaries(FIELDS, JSON, max_size=6))
def test_any_object_is_either_right_or_has_its_faults_told_in_its_own_fields(body: dict[str, Any]) -> None:
    request, faults = parse_send_request(json.dumps({**GOOD, **body}).encode())
    result = check(request, WORKSPACE, NOW, LIFE, faults)
    for pointer in faults:
        assert pointer.split("/")[1] in {*body, "html", "text"}
    if not any(faults):
        assert result.sender is not None
        assert result.recipients


def test_a_fault_in_one_item_leaves_the_others_where_they_were() -> None:
    _, places = checked(to=["a@b.test", 1, "bad"], headers={"X-A": 1, "From": "x"}, subject=5)
    assert places == {"#/to/1", "#/to/2", "#/headers/X-A", "#/headers/From", "#/subject"}


def test_a_body_with_countless_faults_is_refused_without_a_list_of_them() -> None:
    body = {**GOOD, **{f"field{number}": 1 for number in range(MOST_FAULTS + 1)}}
    with pytest.raises(ProblemError) as refused:
        parse_send_request(orjson.dumps(body))
    assert refused.value.status == 422
    assert [fault.pointer for fault in refused.value.errors] == ["#"]


def test_what_is_not_json() -> None:
    with pytest.raises(MalformedJsonError):
        parse_send_request(b"{'a': 1}")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T12:00:01Z", NOW + timedelta(seconds=1)),
        ("2026-11-20t14:00:00.0019+01:00", NOW + timedelta(hours=1, milliseconds=1)),
        ("2026-11-27T12:00:00Z", NOW + timedelta(days=7)),
        (None, NOW + LIFE),
    ],
)
def test_expires_at(text: str | None, moment: datetime) -> None:
    result, places = checked(expires_at=text)
    assert (result.times.expires_at, places) == (moment, set())


@pytest.mark.parametrize(
    "text", ["", "2026-11-21", "2026-11-21T12:00:00", "2026-13-21T12:00:00Z", "9999-12-31T23:59:59-23:59", "1795262400"]
)
def test_what_is_no_time(text: str) -> None:
    assert checked(expires_at=text)[1] == {"#/expires_at"}


def test_utf8_local_parts_are_the_workspaces_to_allow() -> None:
    allowed = WORKSPACE.with_changes(smtputf8=True)
    result, places = checked(allowed, to=["ü@bücher.test"])
    assert (result.recipients[0].address, places) == ("ü@xn--bcher-kva.test", set())
    assert checked(to=["ü@bücher.test"])[1] == {"#/to/0"}


def test_pointers_are_escaped() -> None:
    assert pointer_to("headers", "a/b~c") == "#/headers/a~1b~0c"


@pytest.mark.parametrize(
    ("header", "key"),
    [("abc", "abc"), ('"abc"', "abc"), (r'"a\"b\\c"', r'a"b\c'), ("k" * 255, "k" * 255), (" abc ", "abc")],
)
def test_keys(header: str, key: str) -> None:
    assert read_key([header]) == key


@pytest.mark.parametrize("values", [[""], ['"'], ['""'], ['"a'], ["a b"], ["a", "a"], ["k" * 256], ["ä"], ['"a\tb"']])
def test_what_is_no_key(values: list[str]) -> None:
    with pytest.raises(ProblemError) as refused:
        read_key(values)
    assert refused.value.status == 400


def test_a_digest_is_of_what_was_asked_for() -> None:
    def digest(**changes: Any) -> bytes:
        return digest_of(parse_send_request(orjson.dumps({**GOOD, **changes}))[0])

    assert digest() == digest(cc=None)
    assert digest(metadata={"a": "1", "b": "2"}) == digest(metadata={"b": "2", "a": "1"})
    different = [digest(), digest(subject="x"), digest(to=["x@y.test"]), digest(bcc=["x@y.test"]), digest(tags=["x"])]
    assert len(set(different)) == len(different)


@pytest.mark.parametrize(("count", "places"), [(5, set()), (12, {"#/attachments/0/content_type"})])
def test_a_content_type_fits_into_a_line_of_its_part(count: int, places: set[str]) -> None:
    type_ = "; ".join(["text/plain", *(f"p{number}={'x' * 90}" for number in range(count))])
    _, found = checked(attachments=[{"filename": "a.txt", "content": "", "content_type": type_}])
    assert found == places


def test_what_is_left_of_a_request_with_faults_has_its_tracking() -> None:
    request, faults = parse_send_request(b'{"tracking": {}, "other": 1}')
    assert request.tracking == TrackingInput()
    assert list(faults) == ["#/other"]
