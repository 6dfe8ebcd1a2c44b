"""A message as it goes out: personal, composed, signed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

from services.sender.mail.canonical import body_hash, fields_of
from services.sender.mail.dkim import Signer, sign
from services.sender.mail.feedback import feedback_field
from services.sender.mail.personal import LinksBelow, MarkFilling, personal
from services.sender.mail.stored import Reading, composed_body, header_of, measured, whole_message, without
from services.sender.smtp.body import Blocks
from shared.content import Content, ContentStore
from shared.contracts.messages import Message
from shared.mail.compose import compose_parts
from shared.mail.lines import check_lines

NO_FEEDBACK = {"feedback-id", "dkim-signature"}
SLOW_BYTES = 256 * 1024  # composing more takes milliseconds, in which nobody else is served


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The bytes of a message, or where they are read from; how many they are, and what they ask of a host.

    `smtputf8` says that its header is not ASCII (RFC 6531), `eight_bit` that its body is not (RFC 6152).
    """

    data: bytes | Blocks
    size: int
    smtputf8: bool
    eight_bit: bool


class MailMaker:
    """Makes messages out of contents. `sender_id` is the platform's part of Feedback-ID; None: no such field."""

    def __init__(self, contents: ContentStore, links: LinksBelow, sender_id: str | None) -> None:
        self._contents = contents
        self._links = links
        self._sender_id = sender_id

    async def make(self, message: Message, content: Content, signers: Sequence[Signer]) -> Outgoing:
        """The message, signed by each of `signers`, of which there is one at least.

        Raises ValueError for content that cannot be made into a message, ContentGoneError where some of it is gone, and
        ContentUnreadableError where the store does not tell.
        """
        if not content.is_whole:
            return await self._stored(message, content, signers)
        if message.size < SLOW_BYTES:
            header, body, bh = self._whole(message, content)
        else:
            header, body, bh = await asyncio.to_thread(self._whole, message, content)
        data = await _signed(signers, header, bh) + body
        return Outgoing(data, len(data), not header.isascii(), not body.isascii())

    def _whole(self, message: Message, content: Content) -> tuple[bytes, bytes, str]:
        """Header, body and the body's hash."""
        own = personal(content, message, self._links)
        composed = compose_parts(own, message_id=message.message_id, date=message.due_at)
        header, body = self._with_feedback(composed.header, own, message), composed.whole_body()
        check_lines(header + body)
        return header, body, body_hash(body)

    def _with_feedback(self, header: bytes, content: Content, message: Message) -> bytes:
        """A whole message from a caller keeps the field that it has, and gets none where it is signed already."""
        if self._sender_id is None or (content.raw is not None and NO_FEEDBACK & fields_of(header).keys()):
            return header
        return feedback_field(message, self._sender_id) + header

    async def _stored(self, message: Message, content: Content, signers: Sequence[Signer]) -> Outgoing:
        """Reads the content once, for what the signatures say of it; it is read again for each host that gets it."""
        own = await asyncio.to_thread(personal, content, message, self._links)
        begun, body = await (self._of_raw(own, message) if own.raw is not None else self._of_files(own, message))
        header = self._with_feedback(begun, own, message)
        found = await measured(header, body())
        head = await _signed(signers, header, found.bh)

        async def data() -> Reading:
            yield head
            async with aclosing(body()) as blocks:
                async for block in blocks:
                    yield block

        return Outgoing(data, len(head) + found.size, not header.isascii(), not found.is_ascii)

    async def _of_files(self, content: Content, message: Message) -> tuple[bytes, Blocks]:
        """Header and body of a content whose files are in the store; its texts may be large too."""
        composed = await asyncio.to_thread(compose_parts, content, message_id=message.message_id, date=message.due_at)
        return composed.header, lambda: composed_body(self._contents, composed.body)

    async def _of_raw(self, content: Content, message: Message) -> tuple[bytes, Blocks]:
        """Header and body of a whole message that is in the store."""
        raw = content.raw
        assert raw is not None

        def whole() -> Reading:
            return whole_message(self._contents, raw, lambda: MarkFilling.of(content, message, self._links))

        header = await header_of(whole())
        return header, lambda: without(whole(), len(header))


async def _signed(signers: Sequence[Signer], header: bytes, bh: str) -> bytes:
    """The header with its signatures. In a thread: two thirds of what a message costs here is RSA, which needs no GIL,
    and in that time the loop serves others; the way there and back costs a twentieth of it."""
    return await asyncio.to_thread(sign, signers, header, bh, now=datetime.now(UTC)) + header
