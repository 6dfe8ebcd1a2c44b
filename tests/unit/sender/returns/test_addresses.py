"""Return addresses: what they carry, and that nobody else can make one."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.returns.addresses import Return, ReturnAddresses, ReturnKind
from shared.addresses import parse_address

ADDRESSES = ReturnAddresses(b"k" * 32)
ids = st.uuids().map(str)
kinds = st.sampled_from(list(ReturnKind))


@given(kinds, ids)
def test_an_address_stands_for_its_message_however_it_is_written(kind: ReturnKind, id_: str) -> None:
    address = ADDRESSES.make(kind, id_, "bounce.acme.example")
    local, _, domain = address.partition("@")
    assert parse_address(address) == address
    assert (domain, len(local) <= 64) == ("bounce.acme.example", True)
    for written in (address, local, address.upper(), local.title() + "@elsewhere.example"):
        assert ADDRESSES.read(written) == Return(kind, id_)
    assert ADDRESSES.make(kind, id_, "bounce.acme.example") == address  # the same for all attempts


@given(kinds, ids, st.integers(0, 39), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_one_other_character_makes_it_nobody_s(kind: ReturnKind, id_: str, place: int, other: str) -> None:
    local = ADDRESSES.make(kind, id_, "a.test").partition("@")[0]
    at = local.index("+") + 1 + place
    changed = local[:at] + other + local[at + 1 :]
    assert ADDRESSES.read(changed) == (Return(kind, id_) if changed == local else None)


def test_another_key_or_kind_makes_another_address() -> None:
    id_ = str(uuid.uuid4())
    bounce = ADDRESSES.make(ReturnKind.BOUNCE, id_, "a.test")
    assert ReturnAddresses(b"l" * 32).read(bounce) is None
    assert ADDRESSES.read("replies" + bounce[1:]) is None
    with pytest.raises(ValueError, match="badly formed"):
        ADDRESSES.make(ReturnKind.BOUNCE, "no-uuid", "a.test")


def test_addresses_made_under_another_key_that_is_known_are_ours() -> None:
    id_ = str(uuid.uuid4())
    former, later = ReturnAddresses(b"f" * 32), ReturnAddresses(b"l" * 32, b"f" * 32)
    for kind in ReturnKind:
        assert later.read(former.make(kind, id_, "a.test")) == Return(kind, id_)
        assert later.make(kind, id_, "a.test") == ReturnAddresses(b"l" * 32).make(kind, id_, "a.test")
        assert former.read(later.make(kind, id_, "a.test")) is None


@given(st.text(max_size=60))
def test_nothing_else_is_an_address(text: str) -> None:
    for address in (text, f"b+{text}", f"replies+{text}@a.test"):
        assert ADDRESSES.read(address) is None


@pytest.mark.parametrize(
    "address", ["", "@", "b", "b+", "b+@a.test", "b+" + "a" * 40, "b+" + "1" * 40, "x+" + "a" * 40]
)
def test_what_is_nearly_one(address: str) -> None:
    assert ADDRESSES.read(address) is None
