"""A message as the command that sends it again. Pure."""

from __future__ import annotations

import shlex
from typing import Any

import orjson

from services.ingest.tracking.rewriting import readable
from shared.content import Content
from shared.contracts.messages import Message


def as_curl(base_url: str, record: Message, content: Content) -> str:
    """The request that makes such a message; its key stands in the shell's environment. Files are not in it."""
    body: dict[str, Any] = {
        "from": content.from_,
        "to": [record.recipient],
        "reply_to": content.reply_to,
        "subject": content.subject,
        "html": readable(content.html, content.nonce, content.links),
        "text": readable(content.text, content.nonce, content.links),
        "headers": content.headers or None,
        "stream": record.stream.value,
        "tags": record.tags or None,
        "metadata": record.metadata or None,
    }
    given = orjson.dumps({name: value for name, value in body.items() if value is not None}).decode()
    return " \\\n  ".join(
        (
            f"curl {shlex.quote(f'{base_url}/v1/emails')}",
            '-H "Authorization: Bearer $POSTHORN_API_KEY"',
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(given)}",
        )
    )
