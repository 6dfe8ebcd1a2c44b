"""What a message that leaves says of where answers to it go. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.sender.returns.addresses import ReturnAddresses, ReturnKind
from services.sender.smtp.notifications import Notifications
from services.sender.smtp.peers import Egress
from shared.addresses import Mailbox, parse_mailbox, render_mailbox
from shared.content import Content
from shared.contracts.messages import Message

RECEIPT = "Disposition-Notification-To"
Asking = Literal["smarthosts", "everywhere", "never"]


@dataclass(frozen=True, slots=True)
class Returning:
    """`asking` says which hosts are asked for reports where they offer that (RFC 3461), `successes` whether for those
    of success too. A `domain` is the message's return domain, None where it has none."""

    addresses: ReturnAddresses
    asking: Asking = "smarthosts"
    successes: bool = False

    def mail_from(self, message: Message, domain: str | None) -> str:
        """The envelope's sender: the same for all attempts."""
        if domain is None:
            return message.sender
        return self.addresses.make(ReturnKind.BOUNCE, message.message_id, domain)

    def notifications(self, message: Message, egress: Egress) -> Notifications | None:
        """What its host is asked to report."""
        if self.asking == "never" or (self.asking == "smarthosts" and not egress.relayed):
            return None
        events = ("SUCCESS", "FAILURE", "DELAY") if self.successes else ("FAILURE", "DELAY")
        return Notifications(message.message_id, events)

    def content(self, content: Content, message: Message, domain: str | None) -> Content:
        """The content with the addresses that its replies and its read receipt go to, where those are tracked.

        The receipt goes to the envelope's sender: readers may be asked before it goes to anybody else (RFC 8098
        section 2.1). Without a return domain neither is tracked. Raises ValueError for a mailbox that is none.
        """
        if domain is None or not (content.replies or content.reads):
            return content
        changes: dict[str, object] = {}
        if content.replies:
            shown = parse_mailbox(answers_to(content), smtputf8=True)
            address = self.addresses.make(ReturnKind.REPLY, message.message_id, domain)
            changes["reply_to"] = render_mailbox(Mailbox(shown.name, address))
        if content.reads and RECEIPT.lower() not in map(str.lower, content.headers):
            changes["headers"] = {**content.headers, RECEIPT: f"<{self.mail_from(message, domain)}>"}
        return content.model_copy(update=changes)


def answers_to(content: Content) -> str:
    """The mailbox that a reply to this content is meant for."""
    return content.reply_to or content.from_
