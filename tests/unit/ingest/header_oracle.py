"""What a composed message's header block must say for a request, as two other parsers read it."""

from __future__ import annotations

import re
from email import message_from_string
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTPUTF8
from typing import Any

import dkim

from tests.unit.ingest.hostile_requests import Asked, Hostile

WORD = r"=\?utf-8\?[bq]\?[!->@-~]*\?="
TAGS = ("x-posthorn-tag", "x-leadpush-tag")


def assert_as_asked(raw: bytes, hostile: Hostile) -> None:
    """Fails where the message says another thing in its header block than was asked, or has another field."""
    assert raw.count(b"\r") == raw.count(b"\n") == raw.count(b"\r\n")
    assert b"\0" not in raw
    message = message_from_string(raw.decode(), policy=SMTPUTF8)
    assert isinstance(message, EmailMessage)
    fields = _fields(raw)
    headers = _headers(hostile.body)
    assert [name for name, _ in fields] == [name.lower() for name in _names(hostile, headers)]
    assert [name.lower() for name in message] == [name for name, _ in fields]
    told = dict(fields)
    for name, asked in {"Subject": subject_of(hostile.body), **headers}.items():
        assert str(message[name]) == asked.strip(" \t")
        assert _squeezed(told[name.lower()]) == _squeezed(asked)
    _assert_mailboxes(message, told, hostile)
    _assert_files(message, hostile.body.get("attachments", []))


def subject_of(body: dict[str, Any]) -> str:
    """The subject with its one variable filled in by hand."""
    subject: str = body["subject"]
    if "data" not in body:
        return subject
    value = body["data"]["name"]
    text = ", ".join(value) if isinstance(value, list) else value or ""
    return subject.replace("{{name}}", text).strip()


def _headers(body: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in body.get("headers", {}).items() if name.lower() not in TAGS}


def _names(hostile: Hostile, headers: dict[str, str]) -> list[str]:
    """The fields in their order."""
    shown = _shown(hostile)
    given = {name.lower() for name in headers}
    names = ["Message-ID", "Date", "From"]
    names += ["Reply-To"] if hostile.mailboxes["reply_to"] else []
    names += ["To", *(["Cc"] if shown["cc"] else []), "Subject", *headers]
    if hostile.body.get("unsubscribe_link") and "list-unsubscribe" not in given:
        names += ["List-Unsubscribe", "List-Unsubscribe-Post"]
    names += [] if "auto-submitted" in given else ["Auto-Submitted"]
    leaf = not hostile.body.get("attachments")
    return [*names, "MIME-Version", "Content-Type", *(["Content-Transfer-Encoding"] if leaf else [])]


def _shown(hostile: Hostile) -> dict[str, list[Asked]]:
    """Who is shown: every address once, where it stands first."""
    seen: set[str] = set()
    shown: dict[str, list[Asked]] = {}
    for field in ("to", "cc", "bcc"):
        shown[field] = []
        for asked in hostile.mailboxes[field]:
            assert asked.address is not None, f"{asked.text!r} was accepted"
            if asked.address.lower() not in seen:
                seen.add(asked.address.lower())
                shown[field].append(asked)
    return shown


def _assert_mailboxes(message: EmailMessage, told: dict[str, str], hostile: Hostile) -> None:
    shown = _shown(hostile)
    lists = {"From": hostile.mailboxes["from"], "Reply-To": hostile.mailboxes["reply_to"], "Cc": shown["cc"]}
    for name, asked in {**lists, "To": shown["to"]}.items():
        if not asked:
            continue
        read = message[name].addresses
        assert [each.addr_spec for each in read] == [each.address for each in asked]
        # Python keeps the space between two encoded words of a phrase, which RFC 2047 section 6.2 says to drop.
        assert [_squeezed(each.display_name) for each in read] == [_squeezed(each.name) for each in asked]
        written = (f"{each.name} <{each.address}>" if each.name.strip(" ") else str(each.address) for each in asked)
        assert _bare(told[name.lower()]) == _bare(",".join(written))
    if not shown["to"]:
        assert told["to"] == "undisclosed-recipients:;"


def _assert_files(message: EmailMessage, asked: list[dict[str, Any]]) -> None:
    parts = [part for part in message.walk() if part.get_content_disposition() in ("attachment", "inline")]
    assert len(parts) == len(asked)
    for part, file in zip(parts, asked, strict=True):
        names = ["Content-Type", "Content-Transfer-Encoding", "Content-Disposition"]
        assert list(part) == names + (["Content-ID"] if "content_id" in file else [])
        name = part.get_filename()
        assert name
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029/\\\\]", name)
        assert _squeezed(name) in _squeezed("".join(each for each in file["filename"] if each.isprintable()))
        if "content_type" in file:
            assert part.get_content_type() == file["content_type"].partition(";")[0].lower()


def _fields(raw: bytes) -> list[tuple[str, str]]:
    """The fields by dkimpy's parser, unfolded and decoded by Python's older one."""
    fields, _ = dkim.rfc822_parse(raw)
    return [(name.decode().lower(), _decoded(value)) for name, value in fields]


def _decoded(value: bytes) -> str:
    """The text: white space between two encoded words is no part of it (RFC 2047 section 6.2)."""
    unfolded = value.removesuffix(b"\r\n").replace(b"\r\n", b"").decode().strip(" ")
    joined = re.sub(rf"({WORD})\s+(?={WORD})", r"\1", unfolded)
    return re.sub(WORD, lambda word: str(make_header(decode_header(word[0]))), joined)


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _bare(text: str) -> str:
    """Without what quotes a name, either way."""
    return re.sub(r'[\s"\\]', "", text)
