"""The addresses that answers to a message come back to, each of one message alone (VERP). Pure.

A local part is `b+` (the envelope sender: bounces, read receipts) or `replies+` (the Reply-To of tracked mail) and a
token: 25 bytes in base32 (RFC 4648 section 6) without regard to case, as hosts on the way may change it: a version, the
message's UUID, and HMAC-SHA256 (RFC 2104) cut to 64 bits over the kind and both. So nobody else can make one, it shows
nothing, and to tell one from a guess takes no store. With 48 octets at most it is well below the 64 of a local part
(RFC 5321 section 4.5.3.1.1). It does not change with the attempt: hosts that greylist know it again.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b32decode, b32encode
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

VERSION = 1
MAC_BYTES = 8
TOKEN_CHARS = 40


class ReturnKind(StrEnum):
    """Its value is what the local part begins with."""

    BOUNCE = "b"
    REPLY = "replies"


_KINDS: dict[str, ReturnKind] = {kind.value: kind for kind in ReturnKind}


@dataclass(frozen=True, slots=True)
class Return:
    """What an address of ours stands for."""

    kind: ReturnKind
    message_id: str


class ReturnAddresses:
    """Makes the addresses under a key of at least 32 bytes, and reads those made under it or one of the others."""

    def __init__(self, key: bytes, *others: bytes) -> None:
        # keys of their own: what else is signed with the given ones can never pass for a token
        own = [hmac.digest(each, b"returns", "sha256") for each in (key, *others)]
        self._keyed = [hmac.new(each, digestmod="sha256") for each in own]

    def make(self, kind: ReturnKind, message_id: str, domain: str) -> str:
        """The address below a domain; raises ValueError for an id that is no UUID."""
        head = bytes((VERSION,)) + UUID(message_id).bytes
        token = b32encode(head + _mac(self._keyed[0], kind, head)).decode().lower()
        return f"{kind}+{token}@{domain}"

    def read(self, address: str) -> Return | None:
        """What an address, or its local part alone, stands for; None where it is none that we made."""
        name, _, token = address.partition("@")[0].lower().partition("+")
        kind = _KINDS.get(name)
        if kind is None or len(token) != TOKEN_CHARS:
            return None
        try:
            raw = b32decode(token, casefold=True)
        except binascii.Error:
            return None
        head, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if not any(hmac.compare_digest(mac, _mac(each, kind, head)) for each in self._keyed) or head[0] != VERSION:
            return None
        return Return(kind, str(UUID(bytes=head[1:])))


def _mac(key: hmac.HMAC, kind: ReturnKind, head: bytes) -> bytes:
    keyed = key.copy()
    keyed.update(kind.encode() + b"\0" + head)
    return keyed.digest()[:MAC_BYTES]
