"""Secrets at rest (AES-256-GCM, NIST SP 800-38D), digests of keys and addresses, and random keys."""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from contextlib import suppress
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECRET_NAMES = ("POSTHORN_PEPPER", "POSTHORN_TOKEN_KEY", "POSTHORN_ENCRYPTION_KEY", "POSTHORN_OPERATOR_TOKEN")
KEY_ID = "k1"
NONCE_BYTES = 12


def new_secret(name: str) -> str:
    """A fresh one of SECRET_NAMES: 32 random bytes, in base64 for keys, safe in a header for tokens."""
    if name.endswith("_TOKEN"):
        return secrets.token_urlsafe(32)
    return base64.b64encode(secrets.token_bytes(32)).decode()


class UnsealError(Exception):
    """A sealed secret does not open: another key, another purpose, or changed bytes."""


class SecretBox:
    """Seals secrets with its key, and opens what that or one of the others has sealed. `purpose` binds a secret to its
    place: it opens nowhere else."""

    def __init__(self, key: bytes, *others: bytes) -> None:
        self._cipher, *self._others = (AESGCM(each[:32]) for each in (key, *others))

    def seal(self, secret: bytes, purpose: str) -> str:
        """`k1.<base64 of nonce and ciphertext>`."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, secret, purpose.encode())
        return f"{KEY_ID}.{base64.b64encode(sealed).decode()}"

    def open(self, sealed: str, purpose: str) -> bytes:
        """Raises UnsealError."""
        return self._opened(sealed, purpose)[0]

    def renewed(self, sealed: str, purpose: str) -> str | None:
        """The secret sealed with the box's own key; None where it is. Raises UnsealError."""
        secret, by = self._opened(sealed, purpose)
        return None if by is self._cipher else self.seal(secret, purpose)

    def _opened(self, sealed: str, purpose: str) -> tuple[bytes, AESGCM]:
        """The secret, and what opened it."""
        key_id, _, text = sealed.partition(".")
        if key_id != KEY_ID:
            raise UnsealError(f"unknown key id {key_id!r}")
        try:
            raw = base64.b64decode(text, validate=True)
        except ValueError as error:
            raise UnsealError(f"the secret for {purpose} is no base64") from error
        for cipher in (self._cipher, *self._others):
            with suppress(InvalidTag, ValueError):
                return cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], purpose.encode()), cipher
        raise UnsealError(f"cannot open the secret for {purpose}")


def digest(pepper: bytes, value: str, purpose: str) -> str:
    """HMAC-SHA256 as hex, different for each purpose."""
    keyed = _keyed(pepper).copy()
    keyed.update(f"{purpose}\0{value}".encode())
    return keyed.hexdigest()


@lru_cache(maxsize=8)
def _keyed(pepper: bytes) -> hmac.HMAC:
    """Setting the key up takes three times as long as the rest, and each request needs a digest."""
    return hmac.new(pepper, digestmod="sha256")


def api_key_digest(pepper: bytes, key: str) -> str:
    return digest(pepper, key, "api-key")


def smtp_digest(pepper: bytes, user: str, password: str) -> str:
    """The digest of an SMTP user name, in lower case, and its password together."""
    return digest(pepper, f"{user.lower()}\0{password}", "smtp")


def address_hmac(pepper: bytes, address: str) -> str:
    """The suppression key of an address: both parts lower case, whatever goes on the wire."""
    return digest(pepper, address.lower(), "address")
