"""Sealed secrets and digests."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.secrets import SecretBox, UnsealError, address_hmac, api_key_digest

BOX = SecretBox(b"0" * 32)


@given(secret=st.binary(max_size=200), purpose=st.text(max_size=40))
def test_a_sealed_secret_opens_where_it_belongs(secret: bytes, purpose: str) -> None:
    assert BOX.open(BOX.seal(secret, purpose), purpose) == secret


@given(secret=st.binary(min_size=1, max_size=50))
def test_it_opens_nowhere_else(secret: bytes) -> None:
    sealed = BOX.seal(secret, "dkim:d1")
    for box, text, purpose in (
        (BOX, sealed, "dkim:d2"),
        (SecretBox(b"1" * 32), sealed, "dkim:d1"),
        (BOX, sealed[:-4] + ("AAAA" if not sealed.endswith("AAAA") else "BBBB"), "dkim:d1"),
        (BOX, sealed.replace("k1.", "k9."), "dkim:d1"),
        (BOX, "nonsense", "dkim:d1"),
    ):
        with pytest.raises(UnsealError):
            box.open(text, purpose)


@given(
    st.lists(st.sampled_from([bytes([each]) * 32 for each in range(4)]), min_size=2, max_size=6), st.binary(max_size=50)
)
def test_a_secret_outlives_its_keys_one_after_the_other(keys: list[bytes], secret: bytes) -> None:
    """Each key is known before it seals, and the one before it is forgotten once everything is renewed."""
    sealed = SecretBox(keys[0]).seal(secret, "p")
    for former, present in pairwise(keys):
        assert SecretBox(former, present).renewed(sealed, "p") is None
        both = SecretBox(present, former)
        assert both.open(sealed, "p") == secret
        renewed = both.renewed(sealed, "p")
        assert (renewed is None) == (former == present)
        sealed = renewed or sealed
        assert SecretBox(present).open(sealed, "p") == secret
        for other in set(keys) - {present}:
            with pytest.raises(UnsealError):
                SecretBox(other).renewed(sealed, "p")


def test_the_same_secret_never_looks_the_same() -> None:
    assert BOX.seal(b"x", "p") != BOX.seal(b"x", "p")


def test_digests_differ_by_purpose_and_pepper_and_addresses_ignore_case() -> None:
    assert address_hmac(b"p" * 32, "Ann@A.test") == address_hmac(b"p" * 32, "ann@a.test")
    assert address_hmac(b"p" * 32, "a") != api_key_digest(b"p" * 32, "a")
    assert address_hmac(b"p" * 32, "a") != address_hmac(b"q" * 32, "a")
