"""DKIM key pairs (RFC 6376 section 3.6, RFC 8301, RFC 8463): ingest makes them, the sender signs with them."""

from __future__ import annotations

from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

RSA, ED25519 = "rsa-sha256", "ed25519-sha256"
"""The algorithms, as a signature's `a=` names them."""


def generate_key(bits: int = 2048) -> tuple[str, str]:
    """A new RSA key: the private half as PEM (PKCS #8, not encrypted), the public half as base64 of its DER.

    Takes some 50-300 ms of CPU outside the GIL: call it in a thread. Raises ValueError below 1024 bits.
    """
    if bits < 1024:
        raise ValueError("a DKIM key has at least 1024 bits")
    return _halves(generate_private_key(public_exponent=65537, key_size=bits))


def generate_ed25519_key() -> tuple[str, str]:
    """A new Ed25519 key: the private half as PEM, the public half as base64 of its 32 bytes (RFC 8463 section 4)."""
    return _halves(Ed25519PrivateKey.generate())


def public_half(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    """The public half as `p=` of its record has it."""
    public = key.public_key()
    if isinstance(public, Ed25519PublicKey):
        return b64encode(public.public_bytes_raw()).decode("ascii")
    return b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode("ascii")


def txt_record(public_b64: str, algorithm: str = RSA) -> str:
    """The text of the record at `<selector>._domainkey.<domain>`; over 255 bytes it is to be split into strings."""
    return f"v=DKIM1; k={key_type(algorithm)}; p={public_b64}"


def key_type(algorithm: str) -> str:
    """`k=` of an algorithm's keys: what stands before the hash in its name."""
    return algorithm.partition("-")[0]


def _halves(key: RSAPrivateKey | Ed25519PrivateKey) -> tuple[str, str]:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode("ascii"), public_half(key)
