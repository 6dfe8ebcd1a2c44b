"""What a send should think of although it may be sent: pure hints for previews."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.content import Content

CLIPPED_BYTES = 102 * 1024
LONG_SUBJECT = 150
LARGE_MESSAGE = 10 * 1024 * 1024
CID = re.compile(r"""\bcid:([^"'\s>)]+)""", re.IGNORECASE)


def warnings_of(content: Content, mime_bytes: int) -> Iterator[tuple[str, str]]:
    """Codes with a sentence each."""
    if content.html and not content.text:
        yield "no_text", "There is no plain text: some readers and filters look for one."
    if content.html and len(content.html.encode()) > CLIPPED_BYTES:
        yield "html_clipped", "HTML over 102 KiB is cut off by some web mailers."
    if len(content.subject) > LONG_SUBJECT:
        yield "long_subject", f"The subject has {len(content.subject)} characters; most readers show fewer than 80."
    if mime_bytes > LARGE_MESSAGE:
        yield "large_message", "Many mail servers refuse messages over 10 MiB."
    named = set(CID.findall(content.html or ""))
    there = {one.content_id for one in content.attachments if one.content_id is not None}
    for content_id in sorted(named - there):
        yield "missing_image", f"The HTML shows cid:{content_id}, which no attachment has."
    for content_id in sorted(there - named):
        yield "unused_image", f"The attachment with the content id {content_id} is not shown by the HTML."
