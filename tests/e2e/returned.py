"""Mail that comes back to a running stack, as other people's hosts bring it."""

from __future__ import annotations

import asyncio
import smtplib
from email import message_from_string
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, cast

from deploy.local.environment import RETURNS_DOMAIN
from tests.e2e.account import Account
from tests.fixtures.deployment import eventually
from tests.unit.sender.returns.corpus import raw

COMPLAINTS = f"complaints@{RETURNS_DOMAIN}"


async def bring(account: Account, message: bytes, to: str, sender: str = "") -> None:
    """Leaves a message at the return door, over STARTTLS as most hosts do."""

    def deliver() -> None:
        with smtplib.SMTP("127.0.0.1", account.stack.ports["returns"], timeout=20) as client:
            client.starttls()
            client.sendmail(sender, [to], message)

    await asyncio.to_thread(deliver)


async def bring_back(account: Account, name: str, kept: dict[str, Any]) -> None:
    """A message of the corpus, to the return address of what the sink has kept."""
    await bring(account, raw(name, kept["sender"]), kept["sender"])


async def arrived(account: Account, recipient: str) -> tuple[dict[str, Any], EmailMessage]:
    """What the sink has kept for a recipient, and the message itself."""

    async def there() -> list[dict[str, Any]]:
        return await account.mail(recipient)

    kept = (await eventually(there, seconds=30, what=f"mail to {recipient}"))[0]
    return kept, cast(EmailMessage, message_from_string(kept["raw"], policy=SMTP))


async def shows(account: Account, message_id: str, name: str) -> dict[str, Any]:
    """The message, once it shows a time of this name."""

    async def there() -> dict[str, Any]:
        email = await account.email(message_id)
        return email if email[name] else {}

    return await eventually(there, seconds=30, what=f"{name} of {message_id}")


def answer_to(message: EmailMessage, author: str, text: str) -> bytes:
    """What a person's mailer makes of "Reply"."""
    answer = EmailMessage()
    answer["From"], answer["To"] = author, str(message["reply-to"] or message["from"])
    answer["Subject"] = f"Re: {message['subject']}"
    answer["In-Reply-To"] = answer["References"] = str(message["message-id"])
    answer["Message-ID"] = f"<answer-{message['message-id'][1:]}"
    answer.set_content(text)
    return answer.as_bytes(policy=SMTP)
