"""The addresses of MAIL and RCPT as submission wants them, and the base64 of AUTH. Pure."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error

from services.ingest.smtp.replies import LOGIN_CANCELED, NOT_BASE64, UTF8_ADDRESS
from shared.addresses import InvalidAddressError, parse_address
from shared.smtp.commands import CommandError, Path
from shared.smtp.replies import Reply


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
