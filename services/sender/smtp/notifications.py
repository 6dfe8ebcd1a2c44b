"""What the sender asks a host to report back by mail (RFC 3461). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NOT_IN_XTEXT = re.compile(r"[^!-*,-<>-~]")


@dataclass(frozen=True, slots=True)
class Notifications:
    """`envelope_id` comes back in every report; `events` are of `FAILURE`, `DELAY` and `SUCCESS`."""

    envelope_id: str
    events: tuple[str, ...] = ("FAILURE", "DELAY")

    def of_mail(self) -> str:
        """The parameters of MAIL: only the header is to come back (section 4.3)."""
        return f" RET=HDRS ENVID={xtext(self.envelope_id)}"

    def of_rcpt(self, recipient: str) -> str:
        """The parameters of RCPT. An address outside ASCII has a form of its own (RFC 6533), which it goes without."""
        original = f" ORCPT=rfc822;{xtext(recipient)}" if recipient.isascii() else ""
        return f" NOTIFY={','.join(self.events)}{original}"


def xtext(text: str) -> str:
    """ASCII as a parameter's value: what may not stand there as `+` and two hexadecimal digits (section 4)."""
    return _NOT_IN_XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", text)
