"""DKIM key pairs (RFC 6376 section 3.6, RFC 8301 section 3.2): ingest makes them, the sender signs with them."""

from __future__ import annotations

from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


def generate_key(bits: int = 2048) -> tuple[str, str]:
    """A new RSA key: the private half as PEM (PKCS #8, not encrypted), the public half as base64 of its DER.

    Takes some 50-300 ms of CPU outside the GIL: call it in a thread. Raises ValueError below 1024 bits.
    """
    if bits < 1024:
        raise ValueError("a DKIM key has at least 1024 bits")
    key = generate_private_key(public_exponent=65537, key_size=bits)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return private.decode("ascii"), b64encode(public).decode("ascii")


def txt_record(public_b64: str) -> str:
    """The text of the record at `<selector>._domainkey.<domain>`; over 255 bytes it is to be split into strings."""
    return f"v=DKIM1; k=rsa; p={public_b64}"
