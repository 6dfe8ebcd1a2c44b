"""Mail addresses: syntax (RFC 5321 section 4.1.2), A-label domains (RFC 5890), and mailboxes with a display name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

MAILBOX = re.compile(r'^\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<name>[^<>"]*?))\s*<(?P<address>[^<>]+)>\s*$')
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
MAX_MAILBOX = 1000
# What nearly every address is; the full check finds nothing to change in it and takes some 25 µs more.
PLAIN = re.compile(
    r"(?=[^@]{1,64}@)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+([a-z]{2,63})"
)
MAX_ADDRESS = 254
REFUSED_TOP = frozenset(SPECIAL_USE_DOMAIN_NAMES) - {"test"}


class InvalidAddressError(ValueError):
    """What is wrong with an address, in words for its sender."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name, which may be None, and a bare address with an A-label, lower-case domain."""

    name: str | None
    address: str

    @property
    def domain(self) -> str:
        return domain_of(self.address)


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]


def parse_address(text: str, *, smtputf8: bool = False) -> str:
    """The address in the form that goes on the wire; raises InvalidAddressError.

    Special-use names such as `.test` (RFC 6761) are allowed: whether a domain can receive is for the DNS to say.
    """
    plain = PLAIN.fullmatch(text) if len(text) <= MAX_ADDRESS and "--" not in text else None
    if plain and plain[1] not in REFUSED_TOP:
        return text
    if len(text) > MAX_MAILBOX or CONTROL.search(text):
        raise InvalidAddressError("is not a valid e-mail address")
    if "=?" in text:  # some readers decode an encoded word even where there may be none (RFC 2047 section 5)
        raise InvalidAddressError("looks like an encoded word, which some readers would show as another address")
    try:
        checked = validate_email(
            text.strip(),
            check_deliverability=False,
            strict=True,
            allow_smtputf8=True,
            allow_quoted_local=False,
            test_environment=True,
        )
    except EmailNotValidError as error:
        raise InvalidAddressError(f"is not a valid e-mail address: {str(error).removesuffix('.')}") from error
    if not checked.ascii_email:
        if not smtputf8:
            raise InvalidAddressError("has a local part outside ASCII, which this workspace may not send to")
        return f"{checked.local_part}@{checked.ascii_domain.lower()}"
    return f"{checked.ascii_local_part}@{checked.ascii_domain.lower()}"


def parse_mailbox(text: str, *, smtputf8: bool = False) -> Mailbox:
    """Reads `a@b` or `Name <a@b>`; raises InvalidAddressError."""
    if len(text) > MAX_MAILBOX or CONTROL.search(text):
        raise InvalidAddressError("is not a valid mailbox")
    match = MAILBOX.match(text) if "<" in text else None
    if not match:
        return Mailbox(None, parse_address(text, smtputf8=smtputf8))
    quoted = match["quoted"]
    name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match["name"].strip()
    return Mailbox(name or None, parse_address(match["address"], smtputf8=smtputf8))


def render_mailbox(mailbox: Mailbox) -> str:
    """`Name <a@b>`, the name quoted where it needs to be (RFC 5322 section 3.4); no encoding of what is not ASCII."""
    if mailbox.name is None:
        return mailbox.address
    name = mailbox.name
    if not re.fullmatch(r"[\w !#$%&'*+/=?^`{|}~-]+", name):
        escaped = re.sub(r'(["\\])', r"\\\1", name)
        name = f'"{escaped}"'
    return f"{name} <{mailbox.address}>"
