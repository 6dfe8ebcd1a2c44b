"""MTA-STS records and policies (RFC 8461 section 3): pure parsers and rules."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from services.sender.tls.names import name_matches
from services.sender.tls.results import TlsResult

LONGEST_AGE = 31_557_600
MAX_POLICY_BYTES = 64 * 1024

_RECORD = re.compile(r"v=STSv1[ \t]*;")
_FIELD = re.compile(r"[ \t]*([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)[ \t]*")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_TERM = re.compile(r"[ \t]*([A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*:[ \t]*(.*?)[ \t]*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PATTERN = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\.?")


class StsMode(StrEnum):
    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


class InvalidPolicyError(ValueError):
    """What a domain serves as its policy is none."""


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """What a domain says of its MX hosts. `mx` are lower-case patterns, `max_age` is seconds."""

    mode: StsMode
    mx: tuple[str, ...]
    max_age: int

    def covers(self, host: str) -> bool:
        return any(name_matches(pattern, host) for pattern in self.mx)


@dataclass(frozen=True, slots=True)
class StsFinding:
    """What is known of a domain: its live policy, and what was wrong where one is announced and cannot be had."""

    policy: StsPolicy | None = None
    fault: TlsResult | None = None


def read_record(texts: Iterable[str]) -> str | None:
    """The `id` of the one MTA-STS record among a name's TXT records (RFC 8461 section 3.1); None where there is none,
    more than one, or one that does not parse."""
    records = [text for text in texts if _RECORD.match(text)]
    if len(records) != 1:
        return None
    fields: dict[str, str] = {}
    parts = records[0].split(";")[1:]
    for place, part in enumerate(parts):
        if not part.strip(" \t") and place == len(parts) - 1:
            continue
        field = _FIELD.fullmatch(part)
        if field is None or (field[1] == "id" and "id" in fields):
            return None
        fields[field[1]] = field[2]
    id_ = fields.get("id", "")
    return id_ if _ID.fullmatch(id_) else None


def read_policy(body: bytes) -> StsPolicy:
    """Reads a policy file (RFC 8461 section 3.2): lines that end in LF or CRLF. Raises InvalidPolicyError.

    Of a key that stands twice the first counts, except `mx`; unknown keys are ignored; an age beyond the longest one is
    taken for it.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise InvalidPolicyError("is not UTF-8") from error
    fields: dict[str, str] = {}
    patterns: list[str] = []
    for line in re.split(r"\r?\n", text):
        if not line.strip(" \t"):
            continue
        term = _TERM.fullmatch(line)
        if term is None:
            raise InvalidPolicyError("has a line that is not key: value")
        if term[1] == "mx":
            patterns.append(_pattern(term[2]))
        else:
            fields.setdefault(term[1], term[2])
    if fields.get("version") != "STSv1":
        raise InvalidPolicyError("is not of version STSv1")
    if fields.get("mode") not in set(StsMode):
        raise InvalidPolicyError("has no mode that is known")
    mode = StsMode(fields["mode"])
    if not patterns and mode is not StsMode.NONE:
        raise InvalidPolicyError("names no mx")
    return StsPolicy(mode, tuple(dict.fromkeys(patterns)), _age(fields.get("max_age", "")))


def _pattern(text: str) -> str:
    if not _PATTERN.fullmatch(text):
        raise InvalidPolicyError("has an mx that is no host name")
    return text.lower().rstrip(".")


def _age(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text):
        raise InvalidPolicyError("has no max_age in seconds")
    return min(int(text), LONGEST_AGE)
