"""The examples of RFC 6376 and RFC 8463, byte by byte."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from services.sender.mail.canonical import BodyHash, body_hash, fields_of, relaxed_field, relaxed_fields
from services.sender.mail.dkim import Signer

EMPTY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

# RFC 8463 appendix A
SEED = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
PUBLIC = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
RSA_KEY = """-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi
Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM
KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB
AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm
6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe
zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy
6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc
uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy
WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd
WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a
licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst
o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe
uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL
-----END RSA PRIVATE KEY-----
"""
HEADER = b"""From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

""".replace(b"\n", b"\r\n")
BODY = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
BODY_HASH = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
NAMES = ("from", "to", "subject", "date", "message-id", "from", "subject", "date")
UNSIGNED = """DKIM-Signature: v=1; a={a}; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s={s}; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b="""
BY_ED25519 = "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
BY_RSA = (
    "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz"
    "dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8="
)


def ed25519_pem() -> bytes:
    key = Ed25519PrivateKey.from_private_bytes(b64decode(SEED))
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("pem", "algorithm", "selector", "signature"),
    [(ed25519_pem(), "ed25519-sha256", "brisbane", BY_ED25519), (RSA_KEY, "rsa-sha256", "test", BY_RSA)],
)
def test_both_signatures_of_rfc_8463(pem: str | bytes, algorithm: str, selector: str, signature: str) -> None:
    signer = Signer("football.example.com", selector, pem)
    assert signer.algorithm == algorithm
    unsigned = UNSIGNED.format(a=algorithm, s=selector).replace("\n", "\r\n").encode()
    digest = sha256(relaxed_fields(fields_of(HEADER), NAMES) + relaxed_field(unsigned)).digest()
    assert signer.sign_hash(digest) == b64decode(signature)


def test_the_public_key_of_rfc_8463() -> None:
    signer = Signer("football.example.com", "brisbane", ed25519_pem())
    assert signer.record == f"v=DKIM1; k=ed25519; p={PUBLIC}"


def test_the_body_hash_of_rfc_8463_and_of_rfc_6376_appendix_a() -> None:
    assert body_hash(BODY) == BODY_HASH


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n", b" \r\n\t\r\n"])
def test_the_hash_of_an_empty_body(body: bytes) -> None:
    assert body_hash(body) == EMPTY  # RFC 6376 section 3.4.4


def test_the_relaxed_forms_of_rfc_6376_section_3_4_5() -> None:
    fields = fields_of(b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n")
    assert relaxed_fields(fields, ("a", "b")) == b"a:X\r\nb:Y Z\r\n"
    assert body_hash(b" C \r\nD \t E\r\n\r\n\r\n") == body_hash(b" C\r\nD E\r\n") == body_hash(b" C\r\nD E")


PIECES = st.lists(st.sampled_from([b"\r\n", b" ", b"\t", b"a", b".", b"xyz", b"\r\n\r\n", b"\r", b"\n"]), max_size=60)


@given(PIECES, st.lists(st.integers(0, 80), max_size=8))
def test_however_a_body_is_cut_its_hash_is_the_same(pieces: list[bytes], cuts: list[int]) -> None:
    body = b"".join(pieces)
    hashed, places = BodyHash(), sorted({0, *(min(cut, len(body)) for cut in cuts), len(body)})
    for begin, end in pairwise(places):
        hashed.update(body[begin:end])
    assert hashed.base64() == body_hash(body)
