"""Whatever a request says, its message says in its header block what was asked and nothing else, or is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from services.ingest.acceptance.admission import letter_of
from services.ingest.acceptance.documents import Addressed, Plan, content_documents
from services.ingest.acceptance.examination import Examined
from services.ingest.acceptance.filling import filled
from services.ingest.acceptance.send_request import MalformedJsonError, parse_send_request
from services.ingest.acceptance.senders import Origin
from services.ingest.acceptance.validation import check
from services.ingest.store.uploads import File
from services.ingest.templates.rendering import BrokenLineError, render_line
from services.ingest.tracking.rewriting import Marks, Tracked
from services.sender.mail.personal import LinksBelow, personal
from shared.addresses import render_mailbox
from shared.auth import Principal
from shared.content import Attachment, of_document
from shared.contracts.entities import ApiKey, Workspace
from shared.contracts.topics import Stream
from shared.errors import ProblemError
from shared.links import Links
from shared.mail.compose import compose
from shared.mail.headers import ComposeError, field
from shared.mail.mime import attachment_part
from shared.rendering import RenderedTooLargeError
from shared.tokens import uuid7
from tests.fixtures.messages import a_message
from tests.unit.ingest.header_oracle import assert_as_asked
from tests.unit.ingest.hostile_requests import TEXT, Hostile, hostile_requests

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WORKSPACE = Workspace(name="w", owner_email="o@w.test", smtputf8=True)
KEY = ApiKey(name="k", digest="", prefix="", scopes=["email.send"])
PRINCIPAL = Principal("k", KEY, uuid7(), WORKSPACE, 1)
LINKS = LinksBelow(Links(b"k" * 32), "https://links.acme.test")
NOTHING = Tracked()


def sent(hostile: Hostile) -> bytes | None:
    """The message as the sender composes it of what ingest stores; None where the request is refused."""
    try:
        request, faults = parse_send_request(json.dumps(hostile.body).encode())
        marks = Marks.for_texts(request.html or "", request.text or "")
        if request.data is not None:
            request = filled(request, marks, faults)
        checked = check(request, WORKSPACE, NOW, timedelta(hours=48), faults)
        faults.raise_any()
    except (ProblemError, MalformedJsonError):
        return None
    assert checked.sender is not None
    origin = Origin(checked.sender.address, render_mailbox(checked.sender), 1)
    letter = letter_of(
        Examined(request, checked, origin, marks, False), [_kept(file) for file in checked.files], NOTHING
    )
    recipients = [Addressed(one, origin) for one in checked.recipients]
    plan = Plan(PRINCIPAL, "rest", None, NOW, letter, recipients, checked.times, Stream.PRODUCT, checked.size)
    (document,) = content_documents(plan).values()
    message = a_message(recipients[0].recipient.address, NOW, workspace_id=PRINCIPAL.workspace_id)
    content = personal(of_document(document), message, LINKS)
    return compose(content, message_id=message.message_id, date=NOW)


def _kept(file: File) -> Attachment:
    assert isinstance(file.data, bytes)
    more = {"filename": file.filename, "content_type": file.content_type, "content_id": file.content_id}
    return Attachment(blob_id=uuid7(), size=file.size, digest="", data=file.data, **more)


def assert_says_what_was_asked(hostile: Hostile) -> None:
    raw = sent(hostile)
    event("refused" if raw is None else "accepted")
    if raw is not None:
        assert_as_asked(raw, hostile)


@settings(max_examples=300)
@given(hostile_requests())
def test_a_message_says_what_was_asked_and_nothing_else(hostile: Hostile) -> None:
    assert_says_what_was_asked(hostile)


@pytest.mark.verify
@settings(max_examples=10_000, suppress_health_check=list(HealthCheck))
@given(hostile_requests())
def test_a_message_says_what_was_asked_in_many_examples(hostile: Hostile) -> None:
    assert_says_what_was_asked(hostile)


@pytest.mark.parametrize("name", ["=?utf-8?q?invoice=2Eexe?=.pdf", "=?utf-8?q?a=0D=0ABcc:_x?=", "ü=?utf-8?b?eA==?="])
def test_a_file_name_that_looks_like_an_encoded_word_is_read_as_it_is(name: str) -> None:
    file = _kept(File(name, "text/plain", None, b""))
    message = message_from_bytes(attachment_part(file).headers + b"\r\n", policy=SMTP)
    assert message.get_filename() == name


PLACEHOLDERS = st.sampled_from(["{{name}}", "{{a.b}}", "{{ name }}", "{{list}}", "{{gone}}", "{{gone ?? 'none'}}"]) | (
    TEXT.map(lambda text: f"{{{{gone ?? '{text}'}}}}")
)
DATA = st.fixed_dictionaries(
    {"name": TEXT, "list": st.lists(TEXT, max_size=3), "a": st.fixed_dictionaries({"b": TEXT})}
)


@settings(max_examples=300)
@given(st.lists(PLACEHOLDERS | TEXT, max_size=4).map("".join), DATA)
def test_no_data_makes_another_header_line(source: str, data: dict[str, Any]) -> None:
    """A line is refused as broken or too long, or is one field that says it."""
    try:
        line = render_line(source, data)
        raw = field("Subject", line, encode_long_words=True)
    except (BrokenLineError, RenderedTooLargeError, ComposeError):
        return
    message = message_from_bytes(raw + b"\r\n", policy=SMTP)
    assert message.keys() == ["Subject"]
    assert not message.get_payload()
    assert str(message["Subject"]) == line.strip(" \t")
