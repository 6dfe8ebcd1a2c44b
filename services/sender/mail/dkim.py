"""DKIM signatures (RFC 6376, RFC 8301, RFC 8463): rsa-sha256 and ed25519-sha256, relaxed/relaxed."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.sender.mail.canonical import Fields, fields_of, relaxed_field, relaxed_fields
from shared.dkim_keys import ED25519, RSA, public_half, txt_record

VALID_FOR = timedelta(days=7)
LEAST_RSA_BITS = 1024

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

_PADDING, _PREHASHED = PKCS1v15(), Prehashed(SHA256())
_WIDTH = 72


class Signer:
    """Signs for one domain and selector. Parsing the key costs more than signing with it: keep the Signer."""

    def __init__(self, domain: str, selector: str, private_key_pem: str | bytes) -> None:
        """Raises ValueError for what is no private key in PEM, neither Ed25519 nor RSA of 1024 bits at least."""
        pem = private_key_pem.encode() if isinstance(private_key_pem, str) else private_key_pem
        # the key is one that we or the operator made: its primes need no proof, which would take a tenth of a second
        key = load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
        if isinstance(key, RSAPrivateKey):
            if key.key_size < LEAST_RSA_BITS:
                raise ValueError(f"an RSA key of less than {LEAST_RSA_BITS} bits is no DKIM key (RFC 8301)")
            self.algorithm = RSA
        elif isinstance(key, Ed25519PrivateKey):
            self.algorithm = ED25519
        else:
            raise ValueError("a DKIM key is an RSA or an Ed25519 key")
        self.domain, self.selector, self._key = domain, selector, key

    @property
    def record(self) -> str:
        """The TXT record by which receivers verify what it signs."""
        return txt_record(public_half(self._key), self.algorithm)

    def sign_hash(self, digest: bytes) -> bytes:
        """The signature over a SHA-256. Of Ed25519, what is signed is the hash itself (RFC 8463 section 3)."""
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(digest, _PADDING, _PREHASHED)
        return self._key.sign(digest)

    def unsigned(self, h: str, bh: str, moment: int, expires: int) -> bytes:
        """The field up to an empty `b=`, as it is hashed (RFC 6376 section 3.7)."""
        return (
            f"DKIM-Signature: v=1; a={self.algorithm}; c=relaxed/relaxed; d={self.domain};\r\n"
            f"\ts={self.selector}; t={moment}; x={expires};\r\n"
            f"\th={h};\r\n"
            f"\tbh={bh};\r\n"
            f"\tb="
        ).encode("ascii")


def sign(signers: Sequence[Signer], header: bytes, bh: str, *, now: datetime) -> bytes:
    """A `DKIM-Signature` field of each signer, to put before the message, CRLF after each. Valid for seven days.

    `header` is the message's (CRLF lines), `bh` the `body_hash` of its body. Each signature covers the same fields and
    none of the others, so that all stand by themselves, and so do those that the message came with.
    """
    fields = fields_of(header)
    names = signed_names(fields)
    hashed = sha256(relaxed_fields(fields, names))
    moment = int(now.timestamp())
    expires = moment + int(VALID_FOR.total_seconds())
    signatures = []
    for signer in signers:
        unsigned = signer.unsigned(_folded(names), bh, moment, expires)
        digest = hashed.copy()
        digest.update(relaxed_field(unsigned))
        b = b64encode(signer.sign_hash(digest.digest()))
        signatures.append(unsigned + b"\r\n\t".join(b[at : at + _WIDTH] for at in range(0, len(b), _WIDTH)) + b"\r\n")
    return b"".join(signatures)


def signed_names(fields: Fields) -> tuple[str, ...]:
    """`h=`: a name for each field that is signed, and one more for each that nobody may add."""
    return tuple(name for name in SIGNED for _ in range(len(fields.get(name, ())) + (name in OVERSIGNED)))


@lru_cache(maxsize=256)
def _folded(names: tuple[str, ...]) -> str:
    """`h=` folded at its colons. Messages differ little in the fields that they have."""
    lines, column = [names[0]], len(names[0])
    for name in names[1:]:
        if column + len(name) > _WIDTH:
            lines.append(f":\r\n\t {name}")
            column = len(name)
        else:
            lines.append(f":{name}")
            column += len(name) + 1
    return "".join(lines)
