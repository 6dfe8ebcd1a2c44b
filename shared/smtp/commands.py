"""The arguments of MAIL and RCPT (RFC 5321 sections 4.1.1.2, 4.1.1.3 and 4.1.2). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.smtp.replies import Reply, syntax

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
