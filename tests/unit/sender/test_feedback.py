"""Feedback-ID: four parts at most, the constant one last, nothing in it that a provider could read in another way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.mail.feedback import feedback_field
from shared.contracts.topics import Stream
from tests.fixtures.messages import a_message

WORKSPACE = "0199d3f0-1111-7abc-8def-5f3a9c2b7d10"


@pytest.mark.parametrize(
    ("tags", "value"),
    [
        ([], "billing:5f3a9c2b7d10:posthorn1"),
        (["sign-in", "other"], "sign-in:billing:5f3a9c2b7d10:posthorn1"),
        (["Rechnung: März 2026"], "Rechnung-M-rz-2026:billing:5f3a9c2b7d10:posthorn1"),
        (["日本"], "billing:5f3a9c2b7d10:posthorn1"),
    ],
)
def test_the_parts(tags: list[str], value: str) -> None:
    message = a_message(workspace_id=WORKSPACE, stream=Stream("billing"), tags=tags)
    assert feedback_field(message, "posthorn1") == f"Feedback-ID: {value}\r\n".encode()


@given(st.lists(st.text(min_size=1, max_size=128), max_size=3), st.sampled_from(Stream))
def test_whatever_the_tags_are_it_is_one_line_of_four_parts_at_most(tags: list[str], stream: Stream) -> None:
    line = feedback_field(a_message(workspace_id=WORKSPACE, stream=stream, tags=tags), "posthorn1").decode("ascii")
    name, value = line.removesuffix("\r\n").split(": ")
    parts = value.split(":")
    assert name == "Feedback-ID"
    assert all(parts)
    assert 3 <= len(parts) <= 4
    assert parts[-3:] == [str(stream), "5f3a9c2b7d10", "posthorn1"]
    assert "\n" not in value
