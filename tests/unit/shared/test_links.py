"""Links: what was made is read, nothing else is, and marks become URLs."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.links import (
    TOKEN_CHARS,
    InvalidLinkError,
    Link,
    LinkKind,
    Links,
    Reference,
    list_unsubscribe,
    mark,
    personalised,
)
from shared.tokens import Cursors, uuid7

KEY = b"k" * 32
LINKS = Links(KEY)
BASE = "https://links.example"
WORKSPACE, MESSAGE = uuid7(), uuid7()
TARGETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1).map(lambda rest: f"https://{rest}")
SUBSCRIPTION = (LinkKind.UNSUBSCRIBE, LinkKind.MANAGE)


def url(kind: str, target: str | None = None, links: Links = LINKS) -> str:
    link = Link(kind=kind) if target is None else Link(kind=kind, url=target)
    return links.url(BASE, link, WORKSPACE, MESSAGE)


def token_of(kind: LinkKind) -> str:
    return url(kind).rpartition("/")[2].removesuffix(".gif")


def parts_of_click(target: str, links: Links = LINKS) -> tuple[str, str]:
    token, encoded = url("click", target, links).removeprefix(f"{BASE}/t/c/").split("/")
    return token, encoded


def test_the_forms() -> None:
    token = "[A-Za-z0-9_-]{67}"
    assert re.fullmatch(rf"{BASE}/t/o/{token}\.gif", url("open"))
    assert re.fullmatch(rf"{BASE}/t/c/{token}/[A-Za-z0-9_-]+", url("click", "https://a.test/"))
    assert re.fullmatch(rf"{BASE}/u/{token}", url("unsubscribe"))
    assert re.fullmatch(rf"{BASE}/u/{token}", url("manage"))
    assert LINKS.url(f"{BASE}/", Link(kind="open"), WORKSPACE, MESSAGE) == url("open")


@given(st.uuids(), st.uuids(), st.sampled_from([LinkKind.OPEN, *SUBSCRIPTION]))
def test_what_was_made_is_read(workspace: UUID, message: UUID, kind: LinkKind) -> None:
    made = LINKS.url(BASE, Link(kind=kind), str(workspace), str(message))
    token = made.rpartition("/")[2].removesuffix(".gif")
    assert LINKS.read(token, (kind,)) == Reference(kind, str(workspace), str(message))


@given(TARGETS)
def test_a_click_leads_to_its_target(target: str) -> None:
    assert LINKS.read_click(*parts_of_click(target)) == (Reference(LinkKind.CLICK, WORKSPACE, MESSAGE), target)


@given(TARGETS, TARGETS)
def test_a_click_leads_to_no_other_target(target: str, other: str) -> None:
    token, own = parts_of_click(target)
    _, foreign = parts_of_click(other)
    if own != foreign:
        with pytest.raises(InvalidLinkError):
            LINKS.read_click(token, foreign)


@given(st.integers(0, TOKEN_CHARS - 1), st.sampled_from("Aa0-_z"))
def test_a_changed_token_is_none(place: int, character: str) -> None:
    token = token_of(LinkKind.UNSUBSCRIBE)
    changed = token[:place] + character + token[place + 1 :]
    if changed != token:
        with pytest.raises(InvalidLinkError):
            LINKS.read(changed, SUBSCRIPTION)


@given(st.text(max_size=90))
@example("")
@example("A" * TOKEN_CHARS)
@example("ü" * TOKEN_CHARS)
@example("!" + "A" * (TOKEN_CHARS - 1))
def test_any_text_is_no_token(text: str) -> None:
    with pytest.raises(InvalidLinkError):
        LINKS.read(text, tuple(LinkKind))
    with pytest.raises(InvalidLinkError):
        LINKS.read_click(text, text)


def test_a_token_is_for_one_use_under_one_key() -> None:
    with pytest.raises(InvalidLinkError):
        LINKS.read(token_of(LinkKind.OPEN), SUBSCRIPTION)
    with pytest.raises(InvalidLinkError):
        LINKS.read(token_of(LinkKind.UNSUBSCRIBE), (LinkKind.OPEN,))
    with pytest.raises(InvalidLinkError):
        Links(b"x" * 32).read(token_of(LinkKind.OPEN), (LinkKind.OPEN,))


def test_links_made_under_another_key_that_is_known_are_ours() -> None:
    later, target = Links(b"x" * 32, KEY), "https://shop.example/offers?week=47"
    link: Link = {"kind": LinkKind.CLICK, "url": target}
    token, encoded = parts_of_click(target)
    assert later.read_click(token, encoded) == LINKS.read_click(token, encoded)
    assert later.url(BASE, link, WORKSPACE, MESSAGE) == Links(b"x" * 32).url(BASE, link, WORKSPACE, MESSAGE)
    with pytest.raises(InvalidLinkError):
        Links(b"y" * 32, b"z" * 32).read_click(token, encoded)


def test_a_token_of_another_version_is_none_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        later.setattr("shared.links.VERSION", 2)
        token = token_of(LinkKind.OPEN)
    with pytest.raises(InvalidLinkError):
        LINKS.read(token, (LinkKind.OPEN,))


def test_a_click_has_no_other_use() -> None:
    token, _ = parts_of_click("https://a.test/")
    with pytest.raises(InvalidLinkError):
        LINKS.read(token, tuple(LinkKind))


def test_a_token_has_one_spelling() -> None:
    """The last character of 67 stands for four bits: its other two are no room for further spellings."""
    token = token_of(LinkKind.OPEN)
    same = [token[:-1] + last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"]
    spelt = [each for each in same if urlsafe_b64decode(each + "=") == urlsafe_b64decode(token + "=")]
    assert len(spelt) == 4
    for other in set(spelt) - {token}:
        with pytest.raises(InvalidLinkError):
            LINKS.read(other, (LinkKind.OPEN,))


def test_what_else_is_signed_with_the_key_is_no_link() -> None:
    head = b"\x01o" + UUID(WORKSPACE).bytes + UUID(MESSAGE).bytes
    forged = urlsafe_b64encode(head + hmac.digest(KEY, head, "sha256")[:16]).decode().rstrip("=")
    with pytest.raises(InvalidLinkError):
        LINKS.read(forged, (LinkKind.OPEN,))
    with pytest.raises(InvalidLinkError):
        LINKS.read(Cursors(KEY).make([MESSAGE], "emails"), tuple(LinkKind))


def test_no_address_and_no_id_in_clear() -> None:
    for made in (url("open"), url("unsubscribe"), url("click", "https://a.test/?to=ann@a.test")):
        assert WORKSPACE not in made
        assert MESSAGE not in made
        assert "ann@" not in made


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "//a.test", "ftp://a.test", "https://", "https://a b", "", "x"]
)
def test_a_click_is_made_for_the_web_alone(target: str) -> None:
    with pytest.raises(ValueError, match="http"):
        url("click", target)


def test_ids_are_uuids() -> None:
    with pytest.raises(ValueError, match="UUID"):
        LINKS.url(BASE, Link(kind="open"), "w1", MESSAGE)


NONCE = "0123456789abcdef"


@given(st.lists(st.integers(0, 5) | st.text(st.sampled_from("0123456789abcdef:<>x"), max_size=20), max_size=20))
def test_marks_become_urls_and_all_else_stays(parts: list[int | str]) -> None:
    links = [Link(kind="click", url=f"https://a.test/{number}") for number in range(4)]
    parts = [part for part in parts if not (isinstance(part, str) and NONCE in part)]
    asked: list[str] = []

    def url_of(link: Link) -> str:
        asked.append(link["url"])
        return f"[{link['url']}]"

    text = "".join(mark(NONCE, part) if isinstance(part, int) else part for part in parts)
    wanted = "".join(
        part if isinstance(part, str) else f"[{links[part]['url']}]" if part < len(links) else mark(NONCE, part)
        for part in parts
    )
    if text.count(NONCE) == sum(isinstance(part, int) for part in parts):
        assert personalised(text, NONCE, links, url_of) == wanted
        assert len(asked) == len(set(asked))


def test_a_digit_behind_a_mark_is_none_of_it() -> None:
    assert (
        personalised(f"{mark(NONCE, 1)}7", NONCE, [Link(kind="open"), Link(kind="manage")], str)
        == "{'kind': 'manage'}7"
    )


def test_the_fields_of_one_click() -> None:
    made = url("unsubscribe")
    assert list_unsubscribe(made) == {
        "List-Unsubscribe": f"<{made}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    fields = list_unsubscribe(made, "stop@acme.test?subject=u")
    assert fields["List-Unsubscribe"] == f"<{made}>, <mailto:stop@acme.test?subject=u>"
