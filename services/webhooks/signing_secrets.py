"""The forms of signing secrets, as customers hold them.

`standard`: `whsec_` and base64 of 24 to 64 bytes, which are the key (Standard Webhooks 1.0.0, "Signature scheme").
`ed25519`: `whsk_` and base64 of a private key, which never leaves this service; its owner is shown `whpk_` and base64
of the public one. `leadpush` and `sendy`: any text, which is the key as it stands.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SYMMETRIC, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"
LEAST_BYTES, MOST_BYTES, MADE_BYTES = 24, 64, 32
TEXT = re.compile(r"[!-~]{16,256}")


class Style(StrEnum):
    """How the posts to an endpoint are signed."""

    STANDARD = "standard"
    ED25519 = "ed25519"
    LEADPUSH = "leadpush"
    SENDY = "sendy"


LISTS = frozenset({Style.STANDARD, Style.ED25519})
"""The styles whose header holds a list of signatures, so that two secrets can be live."""


class InvalidSecretError(ValueError):
    """What is wrong with a secret, in words for its owner."""


def new_secret(style: Style) -> str:
    return (PRIVATE if style is Style.ED25519 else SYMMETRIC) + base64.b64encode(os.urandom(MADE_BYTES)).decode()


def check_own_secret(style: Style, text: str) -> None:
    """Raises InvalidSecretError for a secret that its owner cannot bring for this style."""
    if style is Style.ED25519:
        raise InvalidSecretError("cannot be brought along for the style ed25519: its private keys are made here")
    check_secret(style, text)


def check_secret(style: Style, text: str) -> None:
    """Raises InvalidSecretError for a secret that cannot sign in this style."""
    if style is Style.ED25519:
        if not text.startswith(PRIVATE):
            raise InvalidSecretError("is no private key for the style ed25519")
    elif style is Style.STANDARD:
        if not LEAST_BYTES <= len(_standard_key(text)) <= MOST_BYTES:
            raise InvalidSecretError(f"must hold {LEAST_BYTES} to {MOST_BYTES} bytes")
    elif text.startswith(PRIVATE) or not TEXT.fullmatch(text):
        raise InvalidSecretError("must be 16 to 256 printable ASCII characters without spaces, and no whsk_ key")


def key_of(style: Style, text: str) -> bytes:
    """The HMAC key that a secret is, of a style that signs with one. Raises InvalidSecretError."""
    return _standard_key(text) if style is Style.STANDARD else text.encode()


def private_key_of(text: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text.removeprefix(PRIVATE)))


def public_key_of(text: str) -> str:
    """The form in which its owner is shown the public key of a private one."""
    return PUBLIC + base64.b64encode(private_key_of(text).public_key().public_bytes_raw()).decode()


def _standard_key(text: str) -> bytes:
    if not text.startswith(SYMMETRIC):
        raise InvalidSecretError(f"must begin with {SYMMETRIC}")
    try:
        return base64.b64decode(text.removeprefix(SYMMETRIC), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidSecretError(f"must be base64 after {SYMMETRIC}") from error
