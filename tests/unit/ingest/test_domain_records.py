"""DNS records of domains: what is wanted, and how what stands there is read."""

from __future__ import annotations

import base64
import re

import dkim
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domains.dkim_record import problem_of_key, problem_of_revoked, warning_of_key
from services.ingest.domains.names import InvalidNameError, next_selector, parse_domain, parse_label
from services.ingest.domains.policies import dmarc_records, problem_of_dmarc, problem_of_spf, warning_of_dmarc
from services.ingest.domains.records import Zone, tree_walk, wanted_records
from services.ingest.domains.tags import InvalidTagsError, parse_tags
from services.ingest.settings import Settings
from shared.contracts.entities import DkimKeyPair, Domain, KeyState
from shared.dkim_keys import generate_key, txt_record

KEY = generate_key(1024)[1]
ZONE = Zone("returns.mail.test", "track.mail.test", "_spf.mail.test")


@pytest.mark.parametrize(
    "text",
    [
        txt_record(KEY),
        f"p={KEY}",
        f"v=DKIM1;p={KEY};",
        f" v = DKIM1 ; k = rsa ; h=sha1:sha256; s=email ; t=s; n=some note; p = {KEY[:40]} {KEY[40:90]}\t{KEY[90:]} ; ",
        f"v=DKIM1; s=*; unknown=1; p={KEY}",
    ],
)
def test_a_key_is_right_by_its_meaning_as_dkimpy_reads_it(text: str) -> None:
    assert problem_of_key([text], KEY) is None
    read, plain = (dkim.evaluate_pk(b"ph1", one.strip().encode())[0] for one in (text, txt_record(KEY)))
    assert read == plain


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ([], "is not published"),
        ([txt_record(KEY), txt_record(KEY)], "beside 1 other"),
        ([txt_record(KEY), "v=spf1 -all"], "beside 1 other"),
        (["v=spf1 -all"], "version"),
        (["some text"], "no tag"),
        ([f"p={KEY}; v=DKIM1"], "version"),
        ([f"v=DKIM2; p={KEY}"], "version"),
        ([f"v=DKIM1; k=ed25519; p={KEY}"], "not rsa"),
        ([f"v=DKIM1; h=sha1; p={KEY}"], "sha256"),
        ([f"v=DKIM1; s=tlsrpt; p={KEY}"], "e-mail"),
        (["v=DKIM1; k=rsa"], "no key"),
        (["v=DKIM1; p="], "revoked"),
        ([txt_record(KEY[:-8])], "another key"),
        ([f"v=DKIM1; p={KEY}; p={KEY}"], "twice"),
        ([f"v=DKIM1\\; p={KEY}"], "version"),
    ],
)
def test_what_is_wrong_with_a_key_is_told(texts: list[str], problem: str) -> None:
    assert problem in (problem_of_key(texts, KEY) or "")


def test_a_key_may_be_for_several_services() -> None:
    assert problem_of_key([f"v=DKIM1; s=other : email; p={KEY}"], KEY) is None


def test_a_revoked_key_may_be_gone_or_empty_and_nothing_else() -> None:
    for texts in ([], ["v=DKIM1; p="], ["v=DKIM1; k=rsa; p= ;"], ["something else"]):
        assert problem_of_revoked(texts) is None
    assert problem_of_revoked([txt_record(KEY)])
    assert warning_of_key([f"t=s:y; p={KEY}"])
    assert warning_of_key([f"t=s; p={KEY}"]) is None


TAG = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
VALUE = st.text(st.characters(codec="ascii", exclude_characters=";", exclude_categories=["Cc"]), max_size=20)
GAP = st.sampled_from(["", " ", "\t", "  "])


@given(st.dictionaries(TAG, VALUE, min_size=1, max_size=6), GAP, GAP, st.booleans())
def test_tags_are_read_back_whatever_white_space_is_around_them(
    tags: dict[str, str], before: str, after: str, end: bool
) -> None:
    text = ";".join(f"{before}{name}{after}={before}{value}{after}" for name, value in tags.items()) + ";" * end
    assert parse_tags(text) == {name: value.strip() for name, value in tags.items()}


@given(st.text(max_size=60))
def test_any_text_is_a_tag_list_or_is_refused(text: str) -> None:
    try:
        tags = parse_tags(text)
    except InvalidTagsError:
        return
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) for name in tags)
    assert problem_of_key([text], KEY)


@given(st.lists(st.integers(0, len(KEY)), max_size=6))
def test_white_space_inside_the_key_means_nothing_and_every_other_change_does(cuts: list[int]) -> None:
    pieces = [KEY[a:b] for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), len(KEY)], strict=True)]
    assert problem_of_key([f"v=DKIM1; p={' '.join(pieces)}"], KEY) is None
    raw = bytearray(base64.b64decode(KEY))
    raw[sum(cuts) % len(raw)] ^= 1
    assert problem_of_key([txt_record(base64.b64encode(raw).decode())], KEY)


def test_spf_at_the_return_path() -> None:
    good = "v=spf1 include:_spf.mail.test -all"
    for texts in ([good], ["V=SPF1 ip4:192.0.2.1 +include:_SPF.mail.test. ~all", "other"]):
        assert problem_of_spf(texts, ZONE.spf) is None
    assert "no SPF" in (problem_of_spf(["v=spf10 x"], ZONE.spf) or "")
    assert "2 SPF records" in (problem_of_spf([good, good], ZONE.spf) or "")
    for text in ("v=spf1 -all", f"v=spf1 -all include:{ZONE.spf}", f"v=spf1 -include:{ZONE.spf} ~all"):
        assert "without include" in (problem_of_spf([text], ZONE.spf) or ""), text
    ten = " ".join(["a", "mx/24", "a:b.test", "exists:%{i}.test", "ptr", *(f"include:i{n}.test" for n in range(4))])
    assert problem_of_spf([f"v=spf1 {ten} include:{ZONE.spf} -all"], ZONE.spf) is None
    assert "10 terms" in (problem_of_spf([f"v=spf1 {ten} mx include:{ZONE.spf} -all"], ZONE.spf) or "")


def test_dmarc_policies() -> None:
    assert dmarc_records(["v=DMARC1; p=none", " v=DMARC1;p=x", "v=DMARC12", "v=spf1", "p=none; v=DMARC1"]) == [
        "v=DMARC1; p=none",
        " v=DMARC1;p=x",
    ]
    for good in ("v=DMARC1; p=Reject; t=y", "v=DMARC1; rua=mailto:a@b.test"):
        assert problem_of_dmarc([good]) is None
    for bad in ([], ["v=DMARC1"], ["v=DMARC1; p=maybe"], ["v=DMARC1; p"], ["v=DMARC1; p=none"] * 2):
        assert problem_of_dmarc(bad)
    assert warning_of_dmarc(["v=DMARC1; p=none; pct=50; ri=60"]) == (
        "has tags that receivers ignore since RFC 9989: pct=, ri="
    )
    assert warning_of_dmarc(["v=DMARC1; p=none; np=reject"]) is None
    assert tree_walk("a.mail.acme.test") == ["a.mail.acme.test", "mail.acme.test", "acme.test"]
    deep = ".".join("abcdefghij")
    assert tree_walk(deep)[:2] == [deep, "d.e.f.g.h.i.j"]
    assert len(tree_walk(deep)) <= 8


@pytest.mark.parametrize(
    ("text", "name"),
    [("acme.com", "acme.com"), (" Mail.ACME.com. ", "mail.acme.com"), ("Bücher.example", "xn--bcher-kva.example"),
     ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("acme.test", "acme.test"), ("co.acme.uk", "co.acme.uk")],
)  # fmt: skip
def test_domain_names_in_the_form_that_the_dns_has(text: str, name: str) -> None:
    assert parse_domain(text) == name


@pytest.mark.parametrize(
    "text",
    ["", ".", "com", "localhost", "a@acme.com", "acme..com", "-a.com", "a_b.com", "192.0.2.1", "[::1]", "*.acme.com",
     "co.uk", "com.au", "x.local", "acme.com/x", "http://acme.com", f"{'a' * 64}.com",
     ".".join(["a" * 60] * 4) + ".com"],
)  # fmt: skip
def test_what_is_no_domain_to_send_from(text: str) -> None:
    with pytest.raises(InvalidNameError):
        parse_domain(text)


def test_labels_and_selectors() -> None:
    assert parse_label("Go", 10) == "go"
    for text in ("", "a.b", "-a", "a-", "a_b", "ü", "a" * 11):
        with pytest.raises(InvalidNameError):
            parse_label(text, 10)
    assert next_selector([]) == "ph1"
    assert next_selector(["mine", "ph7", "ph2"]) == "ph8"


def test_what_a_domain_is_to_publish() -> None:
    def key(selector: str, state: KeyState) -> DkimKeyPair:
        public = "" if state is KeyState.REVOKED else KEY
        return DkimKeyPair(selector=selector, public_key=public, private_key="", state=state)

    keys = [key("ph1", KeyState.REVOKED), key("ph2", KeyState.REVOKED), key("ph3", KeyState.ACTIVE),
            key("ph4", KeyState.PENDING)]  # fmt: skip
    domain = Domain(
        name="acme.test", verified=True, active="ph3", keys=keys, ownership="t0ken", tracking_subdomain="go"
    )
    assert [(record.type, record.name, record.value, record.required) for record in wanted_records(domain, ZONE)] == [
        ("TXT", "_posthorn.acme.test", "posthorn-verification=t0ken", True),
        ("TXT", "ph3._domainkey.acme.test", f"v=DKIM1; k=rsa; p={KEY}", True),
        ("TXT", "ph4._domainkey.acme.test", f"v=DKIM1; k=rsa; p={KEY}", False),
        ("TXT", "ph2._domainkey.acme.test", "v=DKIM1; k=rsa; p=", False),
        ("CNAME", "bounce.acme.test", "returns.mail.test", False),
        ("TXT", "_dmarc.acme.test", "v=DMARC1; p=none", False),
        ("CNAME", "go.acme.test", "track.mail.test", False),
    ]


def test_the_platforms_names_come_from_its_public_url() -> None:
    secrets = dict.fromkeys(("pepper", "token_key", "encryption_key"), base64.b64encode(bytes(32)).decode())

    def zone(**settings: str) -> Zone:
        return Zone.of(Settings(**{**secrets, **settings}))

    assert zone(public_url="https://Mail.Acme.com:8443/x") == Zone(
        "returns.mail.acme.com", "track.mail.acme.com", "_spf.mail.acme.com"
    )
    assert zone(public_url="http://127.0.0.1:8080").returns == "returns.posthorn.test"
    assert zone(public_url="https://mail.acme.com", returns_domain="back.acme.com").returns == "back.acme.com"
    assert zone(platform_zone="p.test", tracking_host="Click.p.test.") == Zone(
        "returns.p.test", "click.p.test", "_spf.p.test"
    )
