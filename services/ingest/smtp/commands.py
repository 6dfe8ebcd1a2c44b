"""The arguments of MAIL and RCPT (RFC 5321 sections 4.1.1.2, 4.1.1.3 and 4.1.2), and the base64 of AUTH. Pure."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass

from services.ingest.smtp.replies import LOGIN_CANCELED, NOT_BASE64, UTF8_ADDRESS, Reply, syntax
from shared.addresses import InvalidAddressError, parse_address

MAIL_FORM, RCPT_FORM = "MAIL FROM:<address> [SIZE=n] [BODY=7BIT|8BITMIME] [SMTPUTF8]", "RCPT TO:<address>"
_PATH = re.compile(r"(FROM|TO): ?<([^<>]*)>((?: +[^ ]+)*) *", re.IGNORECASE)
_SIZE = re.compile(r"[0-9]{1,20}")


class CommandError(ValueError):
    """A command that is refused, with the reply to it."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Path:
    """An address as it stands in a command, and the parameters after it, names in capitals."""

    address: str
    parameters: dict[str, str]


def read_path(word: str, argument: str, form: str) -> Path:
    """Reads `FROM:<…>` or `TO:<…>` with what follows. Raises CommandError."""
    match = _PATH.fullmatch(argument)
    if match is None or match[1].upper() != word:
        raise CommandError(syntax(form))
    pairs = [each.partition("=") for each in match[3].split()]
    parameters = {name.upper(): value for name, _, value in pairs}
    if len(parameters) < len(pairs):
        raise CommandError(syntax(form))
    return Path(match[2], parameters)


def declared_size(path: Path) -> int:
    """The SIZE that MAIL declares, 0 without one. Raises CommandError for any parameter that was not offered."""
    for name, value in path.parameters.items():
        known = {
            "SIZE": bool(_SIZE.fullmatch(value)),
            "BODY": value.upper() in ("7BIT", "8BITMIME"),
            "SMTPUTF8": not value,
            "AUTH": bool(value),  # RFC 4954 section 5: taken, and not believed
        }
        if name not in known:
            raise CommandError(Reply(555, "5.5.4", "a parameter of MAIL is not known here"))
        if not known[name]:
            raise CommandError(syntax(MAIL_FORM))
    return int(path.parameters.get("SIZE", "0"))


def recipient_address(path: Path, *, smtputf8: bool) -> str:
    """The address of RCPT as it goes on the wire. Raises CommandError."""
    if path.parameters:
        raise CommandError(Reply(555, "5.5.4", "RCPT takes no parameters here"))
    return _address(path.address, "5.1.3", "the recipient", smtputf8=smtputf8)


def sender_address(path: Path, *, smtputf8: bool) -> str:
    """The address of MAIL. Raises CommandError, also for the empty one: what goes out here has an author."""
    return _address(path.address, "5.1.7", "the sender", smtputf8=smtputf8)


def _address(text: str, enhanced: str, whose: str, *, smtputf8: bool) -> str:
    try:
        return parse_address(text, smtputf8=smtputf8)
    except InvalidAddressError as error:
        if not text.rpartition("@")[0].isascii() and not smtputf8:
            raise CommandError(UTF8_ADDRESS) from error
        raise CommandError(Reply(553, enhanced, f"{whose} {error}")) from error


def read_base64(line: bytes) -> bytes:
    """One response of a client in AUTH (RFC 4954 section 4). Raises CommandError where it cancels or is none."""
    if line == b"*":
        raise CommandError(LOGIN_CANCELED)
    try:
        return b64decode(line, validate=True)
    except Base64Error as error:
        raise CommandError(NOT_BASE64) from error


def read_plain(response: bytes) -> tuple[str, str] | None:
    """User and password of AUTH PLAIN (RFC 4616 section 2); None where it acts for another, or is no such message."""
    parts = response.split(b"\0")
    if len(parts) != 3 or parts[0] not in (b"", parts[1]):
        return None
    return read_login(parts[1], parts[2])


def read_login(user: bytes, password: bytes) -> tuple[str, str] | None:
    try:
        return user.decode(), password.decode()
    except UnicodeDecodeError:
        return None
