"""Requests of an endpoint's own, rendered from events."""

from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.request_rules import OwnRequest, faults_of
from services.webhooks.templates import LARGEST_BODY, LONGEST_VALUE
from shared.rendering import RenderedTooLargeError

DATA = {
    "id": "msg_1",
    "type": "email.bounced",
    "timestamp": "2026-03-01T12:00:00.000Z",
    "data": {"recipient": 'a"b@c.test', "attempt": 2, "hard": True, "tags": ["x", "y"], "metadata": {"order": "1\n7"}},
}
FORM = {"content-type": "application/x-www-form-urlencoded"}
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=5,
)


def body(source: str, data: dict[str, Any], headers: dict[str, str] | None = None) -> str:
    request = OwnRequest("POST", headers or {}, {}, source)
    assert faults_of(request) == []
    rendered = request.prepared().body
    assert rendered is not None
    return rendered(data)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ('{"to": "{{data.recipient}}"}', {"to": 'a"b@c.test'}),
        ('{"to": {{data.recipient}}}', {"to": 'a"b@c.test'}),
        ('{"n": {{data.attempt}}, "hard": {{data.hard}}}', {"n": 2, "hard": True}),
        ('["{{data.tags}}", {{data.tags}}]', ["x, y", ["x", "y"]]),
        ("{{data.metadata}}", {"order": "1\n7"}),
        ('"{{data.metadata}}"', ""),
        ('[{{data.code}}, "{{data.code}}"]', [None, ""]),
        ("[{{data.code ?? 0}}, {{data.code ?? 'none'}}, \"{{data.code ?? 'x'}}\"]", [0, "none", "x"]),
        ('{"{{type}}": "order {{data.metadata.order}} of {{id}}"}', {"email.bounced": "order 1\n7 of msg_1"}),
        ('["\\"{{type}}\\"", "\\\\", {{data.attempt}}]', ['"email.bounced"', "\\", 2]),
        ('{"plain": "{{ not a variable | upper }}"}', {"plain": "{{ not a variable | upper }}"}),
    ],
)
def test_a_value_is_a_json_value_or_the_text_inside_a_string(source: str, value: Any) -> None:
    assert orjson.loads(body(source, DATA)) == value


@given(values, values)
def test_whatever_an_event_holds_a_json_body_is_json(one: Any, other: Any) -> None:
    source = '{"a": "<{{data.one}}>", "b": {{data.one}}, "c": ["{{data.other ?? \'x"\'}}", {{data.other ?? 5}}]}'
    read = orjson.loads(body(source, {"data": {"one": one, "other": other}}))
    assert list(read) == ["a", "b", "c"]
    if isinstance(one, str):
        assert (read["a"], read["b"]) == (f"<{one}>", one)


@given(st.lists(st.sampled_from(['"', "\\", "{{id}}", "{", "}", "[", "]", ":", ",", "1", "\\u00", "a", "-", "."])))
def test_a_template_that_is_taken_gives_json_with_every_value(parts: list[str]) -> None:
    request = OwnRequest("POST", {}, {}, "".join(parts))
    if faults_of(request):
        return
    rendered = request.prepared().body
    assert rendered is not None
    for value in ('"', "\\", "n", "0041", 1, None, {"a": [1]}):
        orjson.loads(rendered({"id": value}))


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_form_keeps_its_fields_apart_whatever_they_hold(one: str, other: str) -> None:
    rendered = body("a={{data.one}}&b={{data.other}}", {"data": {"one": one, "other": other}}, FORM)
    assert parse_qsl(rendered, strict_parsing=True) == [("a", one), ("b", other)]


def test_text_is_as_it_stands() -> None:
    rendered = body("{{type}}: {{data.metadata.order}}", DATA, {"content-type": "text/plain; charset=utf-8"})
    assert rendered == "email.bounced: 1\n7"


@given(st.text())
def test_a_header_is_one_bounded_line_whatever_it_holds(value: str) -> None:
    prepared = OwnRequest("POST", {"x-a": "<{{data.one}}>"}).prepared()
    [(name, line)] = prepared.rendered_headers({"data": {"one": value}}).items()
    assert name == "x-a"
    assert len(line) <= LONGEST_VALUE
    assert not any(character < " " or character == "\x7f" for character in line)


def test_the_query_comes_behind_the_url_s_own_and_holds_anything() -> None:
    prepared = OwnRequest("POST", {}, {"q": "{{data.recipient}}&x=1", "ö": "é"}).prepared()
    for url, own in (("https://x.example/in", {}), ("https://x.example/in?token=5", {"token": ["5"]})):
        found = parse_qs(urlsplit(prepared.rendered_url(url, DATA)).query)
        assert found == {**own, "q": ['a"b@c.test&x=1'], "ö": ["é"]}


def test_what_grows_without_bounds_is_not_rendered() -> None:
    large = {"data": {"one": "x" * 60_000}}
    for source in ("[" + ",".join(["{{data.one}}"] * 100) + "]", '"' + "{{data.one}}" * 100 + '"'):
        with pytest.raises(RenderedTooLargeError):
            body(source, large)
    with pytest.raises(RenderedTooLargeError):
        body("{{data.one}}" * (LARGEST_BODY // 60_000 + 1), large, {"content-type": "text/plain"})


def test_every_header_of_the_connection_and_of_signatures_is_reserved() -> None:
    names = ("host", "content-length", "connection", "transfer-encoding", "te", "upgrade", "webhook-signature",
             "x-sendy-signature", "x-leadpush-signature", "proxy-authorization", "traceparent", "accept-encoding",
             "user-agent", "expect", "trailer", "content-encoding", "cookie")  # fmt: skip
    assert {fault.code for name in names for fault in faults_of(OwnRequest("POST", {name: "x"}))} == {"header_reserved"}
    assert all(faults_of(OwnRequest("POST", {name: "x"})) for name in names)
    assert faults_of(OwnRequest("POST", {"authorization": "Bearer x", "x-mine": "{{type}}"})) == []
