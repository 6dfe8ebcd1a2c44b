"""What is tracked of messages that come whole: by their header, by the workspace's default, by what it may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.integration.ingest.conftest import SENDER, Door
from tests.integration.ingest.smtp_door import SmtpDoor, open_smtp

HTML = b'<html><body><a href="https://shop.test/">shop</a></body></html>'


def message(*fields: str) -> bytes:
    head = (f"From: {SENDER}", "To: jane@example.test", "Content-Type: text/html; charset=utf-8", *fields)
    return "".join(f"{field}\r\n" for field in head).encode() + b"\r\n" + HTML + b"\r\n"


async def links_of(smtp: SmtpDoor, key: str, workspace_id: str, *fields: str) -> list[Any]:
    """The kinds of the links that were marked in a message with these header fields."""
    async with smtp.talk(key=key) as talk:
        assert await talk.deliver(message(*fields)) == "250 2.0.0", talk.said
    submission = (await smtp.stored(workspace_id))[-1]
    content, raw = await smtp.content_of(submission), await smtp.raw_of(submission)
    kinds = [link["kind"] for link in content.get("links", [])]
    assert (HTML in raw) == (not kinds)
    for place in range(len(kinds)):
        assert f"\r\n{content['nonce']}:{place:04}=\r\n".encode() in raw
    assert b"-Tracking:" not in raw
    return kinds


async def test_a_header_says_what_is_tracked_else_the_default(door: Door, tmp_path: Path) -> None:
    tracking = {"features": ["smtp.enabled", "tracking.enabled"]}
    async with open_smtp(door, tmp_path) as smtp:
        workspace, key = await smtp.new_sender(**tracking)
        eager, eager_key = await smtp.new_sender(**tracking, default_tracking=["opens"])
        for number, (field, kinds) in enumerate(
            (
                ("X-Posthorn-Tracking: all", ["click", "open"]),
                ("X-Posthorn-Tracking: clicks", ["click"]),
                ("X-Leadpush-Tracking: opens", ["open"]),
                ("X-Leadpush-Tracking: whatever", ["click", "open"]),
                ("X-Leadpush-Tracking: none", []),
            )
        ):
            assert await links_of(smtp, key, workspace.id, field, f"Subject: {number}") == kinds
        assert await links_of(smtp, key, workspace.id) == []
        assert await links_of(smtp, eager_key, eager.id) == ["open"]
        assert await links_of(smtp, eager_key, eager.id, "X-Posthorn-Tracking: none") == []


async def test_a_workspace_without_the_feature_is_refused_what_it_asks_for(door: Door, tmp_path: Path) -> None:
    async with open_smtp(door, tmp_path) as smtp:
        async with smtp.talk() as talk:
            assert await talk.deliver(message("X-Posthorn-Tracking: all")) == "550 5.7.1"
        assert await smtp.sends_nothing()
        async with smtp.talk() as talk:
            assert await talk.deliver(message("X-Posthorn-Tracking: none")) == "250 2.0.0"
        eager, key = await smtp.new_sender(default_tracking=["opens", "clicks"])
        assert await links_of(smtp, key, eager.id) == []
