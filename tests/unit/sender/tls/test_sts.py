"""MTA-STS records and policies as RFC 8461 has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sender.tls.names import name_matches
from services.sender.tls.sts import InvalidPolicyError, StsMode, StsPolicy, read_policy, read_record

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
NAME = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
RFC = b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n"  # noqa: E501


@pytest.mark.parametrize(
    ("texts", "id_"),
    [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        (["v=STSv1;id=1"], "1"),
        (["v=STSv1; id=1; more=x.y/z"], "1"),
        (["v=STSv1 ; id=a1 ; "], "a1"),
        (["v=spf1 -all", "v=STSv1; id=1", "v=STSv2; id=2"], "1"),
        ([], None),
        (["v=STSv1; id=1", "v=STSv1; id=2"], None),
        (["v=STSv1; id=1", "v=STSv1; id=1"], None),
        (["V=STSv1; id=1"], None),
        (["v=STSv1"], None),
        (["v=STSv1;"], None),
        (["v=STSv1; id="], None),
        (["v=STSv1; id=a-b"], None),
        (["v=STSv1; id=" + "1" * 33], None),
        (["v=STSv1; id=1; id=2"], None),
        (["v=STSv1; id=1;; x=y"], None),
        (["v=STSv1; id=1; nonsense"], None),
        (["v=STSv10; id=1"], None),
    ],
)
def test_exactly_one_record_counts(texts: list[str], id_: str | None) -> None:
    assert read_record(texts) == id_


def test_the_policy_of_the_rfc() -> None:
    mx = ("mail.example.com", "*.example.net", "backupmx.example.com")
    assert read_policy(RFC) == StsPolicy(StsMode.ENFORCE, mx, 604800)
    assert read_policy(RFC.replace(b"\r\n", b"\n")) == read_policy(RFC)
    assert read_policy(RFC.removesuffix(b"\r\n")) == read_policy(RFC)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ((b"mode: enforce", b"mode: testing"), {"mode": StsMode.TESTING}),
        ((b"max_age: 604800", b"max_age: 9999999999"), {"max_age": 31_557_600}),
        ((b"max_age: 604800", b"max_age: 1\r\nmax_age: 2"), {"max_age": 1}),
        ((b"mode: enforce", b"mode: enforce\r\nmode: none"), {"mode": StsMode.ENFORCE}),
        ((b"mode: enforce", b"new_key: \xc3\xa9\r\nmode:enforce"), {"mode": StsMode.ENFORCE}),
        ((b"mail.example.com", b"MAIL.Example.com."), {}),
    ],
)
def test_what_may_be_otherwise(change: tuple[bytes, bytes], expected: dict[str, object]) -> None:
    policy = read_policy(RFC.replace(*change, 1))
    fields = {"mode": policy.mode, "max_age": policy.max_age, "mx": policy.mx}
    usual = read_policy(RFC)
    assert fields == {"mode": usual.mode, "max_age": usual.max_age, "mx": usual.mx, **expected}


def test_a_policy_of_mode_none_names_no_host() -> None:
    assert read_policy(b"version: STSv1\nmode: none\nmax_age: 86400\n").mode is StsMode.NONE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>not found</html>",
        b"\xff\xfe",
        RFC.replace(b"STSv1", b"STSv2"),
        RFC.replace(b"version: STSv1\r\n", b""),
        RFC.replace(b"enforce", b"maybe"),
        RFC.replace(b"mode: enforce\r\n", b""),
        RFC.replace(b"max_age: 604800\r\n", b""),
        RFC.replace(b"604800", b"-1"),
        RFC.replace(b"604800", b"12345678901"),
        RFC.replace(b"604800", b"\xd9\xa1"),
        RFC.replace(b"*.example.net", b"*"),
        RFC.replace(b"*.example.net", b"mx.*.example.net"),
        RFC.replace(b"*.example.net", b"*.*.example.net"),
        RFC.replace(b"*.example.net", b"a b"),
        b"version: STSv1\nmode: testing\nmax_age: 86400\n",
    ],
)
def test_what_is_no_policy(body: bytes) -> None:
    with pytest.raises(InvalidPolicyError):
        read_policy(body)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_body_makes_the_parser_fail_otherwise(body: bytes) -> None:
    try:
        policy = read_policy(body)
    except InvalidPolicyError:
        return
    assert policy.max_age >= 0


@given(
    st.lists(NAME | NAME.map("*.{}".format), min_size=1, max_size=5), st.sampled_from(StsMode), st.integers(0, 10**10)
)
def test_a_policy_that_is_written_is_read(mx: list[str], mode: StsMode, age: int) -> None:
    age = min(age, 9_999_999_999)
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {pattern}" for pattern in mx), f"max_age: {age}"]
    read = read_policy("\r\n".join(lines).encode())
    assert read == StsPolicy(mode, tuple(dict.fromkeys(mx)), min(age, 31_557_600))


@given(NAME, LABEL, LABEL)
def test_a_wildcard_covers_exactly_one_label(name: str, one: str, two: str) -> None:
    pattern = f"*.{name}"
    assert name_matches(pattern, f"{one}.{name}")
    assert name_matches(pattern, f"{one}.{name}".upper() + ".")
    assert not name_matches(pattern, name)
    assert not name_matches(pattern, f"{two}.{one}.{name}")
    assert not name_matches(pattern, f".{name}")
    assert name_matches(name, name)
    assert not name_matches(name, f"{one}.{name}")
