"""DKIM signatures (RFC 6376, RFC 8301): rsa-sha256, relaxed/relaxed."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

VALID_FOR = timedelta(days=7)

SIGNED = (
    "from",
    "sender",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "to",
    "cc",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "in-reply-to",
    "references",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-id",
    "feedback-id",
    "auto-submitted",
)
"""Signed where they are present; RFC 8058 section 4 wants both List-Unsubscribe fields among them."""

OVERSIGNED = frozenset(
    {
        "from",
        "to",
        "cc",
        "subject",
        "date",
        "reply-to",
        "message-id",
        "content-type",
        "mime-version",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "sender",
    }
)
"""Signed once more than they are present, so that none can be added (RFC 6376 section 8.15)."""

_FIELDS = re.compile(rb"\r\n(?![ \t])")
_SPACES = re.compile(rb"[ \t]+")
_FOLDED_SPACES = re.compile(rb"[ \t\r\n]+")
_LINE_ENDS = re.compile(rb"[ \t]+(?=\r\n|\Z)")
_WIDTH = 72
_HASHED_BLOCK = 1024 * 1024


class Signer:
    """Signs for one domain and selector. Parsing the key costs more than signing with it: keep the Signer."""

    def __init__(self, domain: str, selector: str, private_key_pem: str | bytes) -> None:
        """Raises ValueError for what is no RSA private key in PEM."""
        pem = private_key_pem.encode() if isinstance(private_key_pem, str) else private_key_pem
        # the key is one that we made and sealed: its primes need no proof again, which would take a tenth of a second
        key = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("a DKIM key must be an RSA key")
        self.domain, self.selector, self._key = domain, selector, key

    def sign(self, message: bytes, *, now: datetime) -> bytes:
        """The `DKIM-Signature` field, CRLF included, to put before `message` (CRLF lines). Valid for seven days.

        The signature itself is computed outside the GIL: many can run in threads.
        """
        blank = message.find(b"\r\n\r\n")
        header, body = (message[:blank], blank + 4) if blank >= 0 else (message, len(message))
        fields = _fields_by_name(header)
        names = [name for name in SIGNED for _ in range(len(fields.get(name, ())) + (name in OVERSIGNED))]
        unsigned = self._unsigned(names, body_hash(message, body), int(now.timestamp()))
        hashed = b"".join((*_chosen(fields, names), _relaxed_field(unsigned)))
        signature = b64encode(self._key.sign(hashed, PKCS1v15(), SHA256()))
        folded = b"\r\n\t".join(signature[start : start + _WIDTH] for start in range(0, len(signature), _WIDTH))
        return unsigned + folded + b"\r\n"

    def _unsigned(self, names: list[str], hashed_body: str, moment: int) -> bytes:
        """The field up to an empty `b=`, as it is hashed (section 3.7)."""
        expires = moment + int(VALID_FOR.total_seconds())
        return (
            f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={self.domain};\r\n"
            f"\ts={self.selector}; t={moment}; x={expires};\r\n"
            f"\th={_fold_names(names)};\r\n"
            f"\tbh={hashed_body};\r\n"
            f"\tb="
        ).encode()


def body_hash(message: bytes, start: int = 0) -> str:
    """`bh=` of the body `message[start:]`: SHA-256 of its relaxed form (section 3.4.4) in base64.

    In blocks of whole lines, so that a large body is there once.
    """
    digest, empty, ended = sha256(), 0, start >= len(message)
    some = False
    while not ended:
        stop = message.rfind(b"\r\n", start, start + _HASHED_BLOCK) + 2
        if stop <= start + 1 or start + _HASHED_BLOCK >= len(message):
            stop, ended = len(message), True
        block = _relaxed_lines(message[start:stop])
        start, end = stop, len(block)
        while block.endswith(b"\r\n", 0, end):
            end -= 2
        if end:
            digest.update(b"\r\n" * empty + block[:end])
            some, empty = True, 0
        empty += (len(block) - end) // 2
    if some:
        digest.update(b"\r\n")
    return b64encode(digest.digest()).decode("ascii")


def _relaxed_lines(block: bytes) -> bytes:
    if b"\t" in block or b"  " in block:
        block = _SPACES.sub(b" ", block)
    if b" \r\n" in block or block.endswith(b" "):
        block = _LINE_ENDS.sub(b"", block)
    return block


def _fields_by_name(header: bytes) -> dict[str, list[bytes]]:
    fields: dict[str, list[bytes]] = {}
    for raw in _FIELDS.split(header):
        name = raw.partition(b":")[0].strip().lower().decode("latin-1")
        fields.setdefault(name, []).append(raw)
    return fields


def _chosen(fields: dict[str, list[bytes]], names: list[str]) -> list[bytes]:
    """The fields that `h=` names, relaxed; of several instances the last comes first (section 5.4.2)."""
    left = {name: list(fields[name]) for name in set(names) & fields.keys()}
    return [_relaxed_field(left[name].pop()) + b"\r\n" for name in names if left.get(name)]


def _relaxed_field(raw: bytes) -> bytes:
    """Relaxed form (section 3.4.2), without the final CRLF."""
    name, _, value = raw.partition(b":")
    return name.strip().lower() + b":" + _FOLDED_SPACES.sub(b" ", value).strip()


def _fold_names(names: list[str]) -> str:
    """`h=` folded at its colons."""
    lines, column = [names[0]], len(names[0])
    for name in names[1:]:
        if column + len(name) > _WIDTH:
            lines.append(f":\r\n\t {name}")
            column = len(name)
        else:
            lines.append(f":{name}")
            column += len(name) + 1
    return "".join(lines)
