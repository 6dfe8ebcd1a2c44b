"""What a host is handed: a message in its envelope."""

from __future__ import annotations

from dataclasses import dataclass

from services.sender.mail.outgoing import MailMaker
from services.sender.returns.outgoing import Returning, answers_to
from services.sender.smtp.body import Blocks
from services.sender.smtp.transaction import Envelope
from services.sender.supplies import Supply
from shared.contracts.messages import Message


@dataclass(frozen=True, slots=True)
class Letter:
    """`answers_to` is the mailbox that tracked replies are meant for, None where replies are not tracked."""

    envelope: Envelope
    data: bytes | Blocks
    answers_to: str | None = None


class Letters:
    """Makes letters; `returning` says where answers to them go."""

    def __init__(self, mail: MailMaker, returning: Returning) -> None:
        self._mail = mail
        self._returning = returning

    async def of(self, message: Message, supply: Supply) -> Letter:
        """The letter, for a supply with a content and a way out. Raises what `MailMaker.make` does."""
        content = supply.content
        assert content is not None
        assert supply.egress is not None
        own = self._returning.content(content, message, supply.return_domain)
        mail = await self._mail.make(message, own, supply.signers)
        envelope = Envelope(
            self._returning.mail_from(message, supply.return_domain),
            message.recipient,
            mail.size,
            mail.smtputf8,
            mail.eight_bit,
            self._returning.notifications(message, supply.egress),
        )
        return Letter(envelope, mail.data, answers_to(content) if content.replies else None)
