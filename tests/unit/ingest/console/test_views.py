"""What a message's page and the export show, out of what the API shows."""

from __future__ import annotations

import csv
import io
import shlex
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.console.curl import as_curl
from services.ingest.console.explanation import REFUSALS, explained
from services.ingest.console.export import COLUMNS, row_of
from services.ingest.console.message import trace_url_of
from services.ingest.console.messages import as_moment, filters_of, listing_of
from services.ingest.console.preview import framed, views_of
from services.ingest.console.snippets import Values, snippets_of
from shared.content import Attachment, Blob, Content
from shared.csv_lines import line_of
from tests.unit.ingest.lives import make_message

VIEW: dict[str, Any] = dict.fromkeys(COLUMNS) | {"last_reply": None, "tags": [], "complained_at": None}


def a_content(**fields: Any) -> Content:
    until = datetime(2030, 1, 1, tzinfo=UTC)
    given_fields = {"content_id": "c", "workspace_id": "w", "from_": "a@b.test", "subject": "s", "expires_at": until}
    return Content(**{**given_fields, **fields})


@pytest.mark.parametrize("class_", sorted(REFUSALS))
def test_every_class_of_refusal_says_what_it_is_and_what_to_do(class_: str) -> None:
    why, advice = REFUSALS[class_]
    told = explained(VIEW | {"status": "bounced", "last_reply": {"class": class_}}, [])
    assert (told.tone, told.why, told.advice) == ("bad", why, advice)


def test_every_class_that_the_sender_tells_of_is_known() -> None:
    from services.sender.smtp.outcomes import BounceClass

    assert {str(one) for one in BounceClass} - set(REFUSALS) == {"expired", "undetermined"}


@pytest.mark.parametrize(
    ("status", "tone"),
    [
        ("delivered", "good"), ("sent", "good"), ("deferred", "warn"), ("bounced", "bad"), ("suppressed", "mute"),
        ("failed", "bad"), ("canceled", "mute"), ("stuck", "bad"), ("scheduled", "calm"), ("pending", "calm"),
        ("queued", "calm"), ("sending", "calm"),
    ],
)  # fmt: skip
def test_every_status_is_explained(status: str, tone: str) -> None:
    told = explained(VIEW | {"status": status}, [{"step": "accepted", "summary": "Accepted and stored."}])
    assert told.tone == tone
    assert told.why
    assert told.advice


def test_a_complaint_counts_more_than_that_it_arrived() -> None:
    assert explained(VIEW | {"status": "delivered", "complained_at": "2030-01-01T00:00:00Z"}, []).tone == "bad"


@given(st.text(max_size=200), st.text(max_size=200))
def test_the_command_is_one_request_whatever_the_message_says(subject: str, text: str) -> None:
    words = shlex.split(
        as_curl("https://api.example", make_message(recipient="r@x.test"), a_content(subject=subject, text=text))
    )
    assert words[:2] == ["curl", "https://api.example/v1/emails"]
    body = orjson.loads(words[words.index("-d") + 1])
    assert (body["subject"], body["text"], body["to"]) == (subject, text, ["r@x.test"])


@given(st.dictionaries(st.sampled_from(["recipient", "from", "subject", "status"]), st.text(min_size=1, max_size=20)))
def test_no_cell_of_the_export_is_a_formula(values: dict[str, str]) -> None:
    (cells,) = csv.reader(io.StringIO(line_of(row_of(VIEW | values)), newline=""))
    row = dict(zip(COLUMNS, cells, strict=True))
    assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert all(row[name].removeprefix("'") == value.removeprefix("'") for name, value in values.items())


def test_a_whole_message_is_taken_apart() -> None:
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message["X-Long"] = "word " * 40
    message.set_content("plain")
    message.add_alternative("<p>rich</p>", subtype="html")
    blob = Blob(blob_id="b", size=1, digest="d")
    said = views_of(a_content(raw=blob), message.as_bytes())
    assert ("Subject", "Grüße") in said.headers
    assert (said.text or "").strip() == "plain"
    assert (said.html or "").strip() == "<p>rich</p>"
    assert "\n" not in dict(said.headers)["X-Long"]


@given(st.binary(max_size=2000))
def test_no_bytes_are_too_broken_to_be_shown(raw: bytes) -> None:
    blob = Blob(blob_id="b", size=1, digest="d")
    views_of(a_content(raw=blob), raw)


def test_a_messages_own_pictures_are_in_the_frame_and_nothing_else_is_named_by_cid() -> None:
    picture = Attachment(
        blob_id="p", size=3, digest="d", data=b"png", filename="a.png", content_type="image/png", content_id="<logo>"
    )
    page = picture.model_copy(update={"content_id": "page", "content_type": "text/html"})
    said = views_of(a_content(html="<img src='cid:logo'><img src='cid:page'>", attachments=[picture, page]))
    assert framed(said) == "<img src='data:image/png;base64,cG5n'><img src='cid:page'>"


def test_filters_are_kept_in_their_order_without_what_is_empty() -> None:
    query = {"status": "bounced", "q": " ann ", "tag": "", "other": "x", "cursor": "c"}
    assert filters_of(query) == {"q": "ann", "status": "bounced"}


def test_what_cannot_be_asked_for_is_told_at_its_field() -> None:
    listing, faults = listing_of({"status": "nonsense", "from": "yesterday"})
    assert listing is None
    assert {fault.pointer for fault in faults} == {"#/status", "#/from"}


@pytest.mark.parametrize(
    ("given_text", "moment"),
    [("2030-01-02T03:04", "2030-01-02T03:04:00Z"), ("2030-01-02T03:04:05", "2030-01-02T03:04:05Z")],
)
def test_a_browsers_time_is_taken_as_utc(given_text: str, moment: str) -> None:
    assert as_moment(given_text) == moment
    assert as_moment(moment) == moment


def test_every_snippet_has_what_it_is_given() -> None:
    values = Values("https://api.example", "ph_live_x", "a@b.test", "c@d.test", "smtp.example", 587)
    for snippet in snippets_of(values):
        assert "ph_live_x" in snippet.text
        assert "$" not in snippet.text.replace("$reply", "")


def test_a_trace_is_linked_where_traces_are_kept() -> None:
    assert trace_url_of("https://tempo.example/trace/{trace_id}", "ab12") == "https://tempo.example/trace/ab12"
    assert trace_url_of(None, "ab12") is None
    assert trace_url_of("https://tempo.example/trace/{trace_id}", None) is None
