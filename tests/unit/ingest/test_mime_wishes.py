"""What a message's header asks of Posthorn is heard and taken out."""

from __future__ import annotations

import pytest

from tests.unit.ingest.mime_messages import FROM, message, parsed, refused


def test_what_the_header_asks_for_is_read_and_taken_out() -> None:
    result = parsed(
        FROM,
        "X-Posthorn-Tag: one",
        "x-posthorn-tag: =?utf-8?q?zw=C3=B6lf?=",
        'X-Leadpush-Tag: "two words"',
        "X-Leadpush-Tag: one",
        "X-Posthorn-Stream: Security",
        "X-Posthorn-Tracking: opens",
        "X-Posthorn-Idempotency-Key: order-1",
    )
    assert result.tags == ["one", "zwölf", "two words"]
    assert (result.stream, result.tracking, result.idempotency_key) == ("security", "opens", "order-1")
    assert b"X-Posthorn" not in result.raw.title()
    assert b"X-Leadpush" not in result.raw.title()
    nothing = parsed(FROM)
    assert (nothing.tags, nothing.stream, nothing.tracking, nothing.idempotency_key) == ([], None, None, None)


@pytest.mark.parametrize(
    ("value", "tracking"),
    [("all", "all"), ("opens", "opens"), ('"clicks"', "clicks"), ("NONE", "none"), ("nonsense", "all"), ("", "all")],
)
def test_leadpushs_tracking_means_all_unless_it_says_otherwise(value: str, tracking: str) -> None:
    assert parsed(FROM, f"X-Leadpush-Tracking: {value}").tracking == tracking


def test_leadpushs_empty_tag_is_none() -> None:
    assert parsed(FROM, "X-Leadpush-Tag:", 'X-Leadpush-Tag: ""').tags == []


@pytest.mark.parametrize(
    "lines",
    [
        ("X-Posthorn-Tag:",),
        ("X-Posthorn-Tag: " + "x" * 129,),
        ("X-Posthorn-Tag: x",) * 21,
        ("X-Posthorn-Tracking: some",),
        ("X-Posthorn-Stream: marketing",),
        ("X-Posthorn-Stream: billing", "X-Posthorn-Stream: billing"),
        ("X-Posthorn-Idempotency-Key: two words",),
        ("X-Posthorn-Idempotency-Key: a", "X-Posthorn-Idempotency-Key: a"),
        ("X-Posthorn-Tags: x",),
        ("X-Leadpush-Anything: x",),
    ],
)
def test_what_means_nothing_is_told(lines: tuple[str, ...]) -> None:
    assert refused(message(FROM, *lines)) == (550, "5.6.0")
