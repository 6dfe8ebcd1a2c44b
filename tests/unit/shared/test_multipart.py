"""Forms that come in any pieces."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from shared.console.uploads import Upload, fields_before_file, file_of
from shared.errors import ProblemError
from shared.multipart import PartHead, parts_of

BODY = (
    b'--b\r\nContent-Disposition: form-data; name="form_token"\r\n\r\nabc\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n'
    b"email\r\nann@b.example\r\n\r\n"
    b'--b\r\nContent-Disposition: form-data; name="after"\r\n\r\nx\r\n--b--\r\n'
)
FILE = b"email\r\nann@b.example\r\n"


def request_of(
    pieces: Sequence[bytes], kind: str = "multipart/form-data; boundary=b", *, whole: bool = True
) -> Request:
    ahead: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    ahead.append({"type": "http.request", "body": b""} if whole else {"type": "http.disconnect"})
    messages = iter(ahead)

    async def receive() -> Message:
        return next(messages)

    return Request({"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}, receive)


def cut(body: bytes, places: set[int]) -> list[bytes]:
    ends = [*sorted(places), len(body)]
    return [body[begin:end] for begin, end in zip([0, *ends], ends, strict=False) if end > begin]


@given(st.sets(st.integers(1, len(BODY) - 1), max_size=40))
async def test_parts_are_the_same_however_the_body_is_cut(places: set[int]) -> None:
    heads: list[tuple[str, str | None]] = []
    texts: list[bytes] = []
    async for step in parts_of(request_of(cut(BODY, places))):
        match step:
            case PartHead():
                heads.append((step.name, step.filename))
                texts.append(b"")
            case bytes():
                texts[-1] += step
            case None:
                assert len(heads) == len(texts)
    assert heads == [("form_token", None), ("file", "a.csv"), ("after", None)]
    assert texts == [b"abc", FILE, b"x"]


async def test_what_stands_before_a_file_is_knownfields_before_file_is_read() -> None:
    steps = parts_of(request_of(cut(BODY, {len(BODY) - 60}), whole=False))  # the rest never comes
    fields, filename = await fields_before_file(steps)
    assert (fields, filename) == ({"form_token": "abc"}, "a.csv")


async def test_a_file_is_its_own_bytes_alone() -> None:
    steps = parts_of(request_of([BODY]))
    fields, filename = await fields_before_file(steps)
    upload = Upload(fields, filename, file_of(steps))
    assert b"".join([piece async for piece in upload.file]) == FILE
    await upload.leave()


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (request_of([BODY[:-8]]), 400, "malformed_form"),
        (request_of([BODY[:-8]], whole=False), 400, "incomplete_body"),
        (request_of([b"no form"]), 400, "malformed_form"),
        (request_of([BODY], "multipart/form-data"), 415, "unsupported_media_type"),
        (request_of([BODY], "text/csv"), 415, "unsupported_media_type"),
    ],
)
async def test_what_is_no_whole_form_is_a_problem(request_: Request, status: int, code: str) -> None:
    with pytest.raises(ProblemError) as raised:
        async for _ in parts_of(request_):
            pass
    assert (raised.value.status, raised.value.code) == (status, code)


async def test_fields_have_a_limit() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + b"x" * 70_000 + b"\r\n--b--\r\n"
    with pytest.raises(ProblemError) as raised:
        await fields_before_file(parts_of(request_of([body])))
    assert raised.value.status == 413
