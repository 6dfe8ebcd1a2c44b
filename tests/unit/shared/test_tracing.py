"""Trace context as W3C writes it (Trace Context section 3.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider

from shared.telemetry.tracing import exemplar_of, is_sampled, parse_traceparent, trace_id_of, traceparent_of

VALID = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_valid_one_is_read() -> None:
    context = parse_traceparent(VALID)
    assert context is not None
    assert f"{context.trace_id:032x}" == trace_id_of(VALID) == "0af7651916cd43dd8448eb211c80319c"
    assert context.trace_flags.sampled
    assert is_sampled(VALID)
    assert exemplar_of(VALID) == {"trace_id": "0af7651916cd43dd8448eb211c80319c"}
    assert exemplar_of(VALID[:-1] + "0") is None


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)])
def test_the_sampled_flag_is_one_bit_of_several(flags: str, sampled: bool) -> None:
    assert is_sampled(VALID[:-2] + flags) is sampled
    context = parse_traceparent(VALID[:-2] + flags)
    assert context is not None
    assert context.trace_flags.sampled is sampled


def test_a_trace_that_begins_here_is_sampled() -> None:
    span = TracerProvider().get_tracer("test").start_span("root")
    assert is_sampled(traceparent_of(span))


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        VALID.upper(),
        VALID + "-x",
        VALID[:-1],
        "ff" + VALID[2:],
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        VALID.replace("0af7", "zzzz"),
    ],
)
def test_what_is_not_valid_starts_a_new_trace(value: str | None) -> None:
    assert parse_traceparent(value) is None


@given(st.text(max_size=70))
def test_nothing_breaks_the_reader(text: str) -> None:
    parse_traceparent(text)
