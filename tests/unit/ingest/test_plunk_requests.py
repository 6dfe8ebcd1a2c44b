"""Plunk's requests, read: data that stays or does not, recipients and where they stand, senders, limits of files."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.dialects.plunk.requests import (
    ATTACHMENT_BYTES,
    RESERVED,
    check_files,
    data_of,
    recipients_of,
    sender_of,
)
from services.ingest.faults import Faults
from services.ingest.templates.template import Template, template_of

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=3),
    st.fixed_dictionaries({"value": st.integers()}, optional={"persistent": st.booleans(), "more": st.none()}),
)


@given(st.dictionaries(st.one_of(st.text(max_size=3), st.sampled_from(sorted(RESERVED))), VALUES))
def test_every_value_is_kept_or_passing_and_reserved_names_are_neither(data: dict[str, Any]) -> None:
    read = data_of(data)
    assert {*read.kept} | {*read.passing} == {*data} - RESERVED
    assert {*read.kept} & {*read.passing} == set()
    for name, value in read.passing.items():
        assert data[name] == "" or data[name]["persistent"] is False
        assert value == (data[name] if data[name] == "" else data[name]["value"])
    for name, value in read.kept.items():
        wrapped = isinstance(data[name], dict) and "persistent" in data[name]
        assert value == (data[name]["value"] if wrapped else data[name])


@pytest.mark.parametrize(
    ("to", "read"),
    [
        (None, [(None, "#/to")]),
        ([], [(None, "#/to")]),
        ("a@b.test", [("a@b.test", "#/to")]),
        ({"name": " Jane ", "email": "a@b.test"}, [("Jane <a@b.test>", "#/to")]),
        ({"name": "", "email": "a@b.test"}, [("a@b.test", "#/to")]),
        (["a@b.test", {"email": 5}], [("a@b.test", "#/to/0"), (5, "#/to/1")]),
    ],
)
def test_recipients_and_where_they_stand(to: Any, read: list[tuple[Any, str]]) -> None:
    assert [(each.mailbox, each.pointer) for each in recipients_of(to)] == read


def template(**fields: str | None) -> Template:
    shown = {"name": "t", "type": "marketing", "subject": "s", "created_at": "", "changed_at": ""}
    return template_of("id", 1, {**shown, **fields})


@pytest.mark.parametrize(
    ("asked", "of_template", "sender"),
    [
        ({}, None, "d@b.test"),
        ({"name": "N"}, None, "N <d@b.test>"),
        ({}, {"from": "t@b.test", "from_name": "T"}, "T <t@b.test>"),
        ({"name": "N"}, {"from": "t@b.test", "from_name": "T"}, "N <t@b.test>"),
        ({"from": "a@b.test"}, {"from": "t@b.test", "from_name": "T"}, "T <a@b.test>"),
        ({"from": {"name": "F", "email": "a@b.test"}, "name": "N"}, {"from_name": "T"}, "F <a@b.test>"),
        ({"from": "nobody", "name": "N"}, None, "nobody"),
    ],
)
def test_the_sender(asked: dict[str, Any], of_template: dict[str, str] | None, sender: str) -> None:
    assert sender_of(asked, template(**of_template) if of_template else None, "d@b.test") == sender


@pytest.mark.parametrize(("sizes", "fits"), [([ATTACHMENT_BYTES], True), ([ATTACHMENT_BYTES - 1, 2], False)])
def test_the_bytes_of_files_are_counted_exactly(sizes: list[int], fits: bool) -> None:
    faults = Faults()
    check_files([{"content": b64encode(bytes(size)).decode(), "contentType": "a/b"} for size in sizes], faults)
    assert list(faults) == ([] if fits else ["#/attachments"])
