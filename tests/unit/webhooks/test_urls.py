"""Which URLs an endpoint may have."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.webhooks.urls import InvalidUrlError, UrlRules, literal_address
from tests.unit.embedded import private_v4, spellings_idn, spellings_v4, spellings_v6, within_v6

STRICT = UrlRules(plain_http=False, private=False)
LOCAL = UrlRules(plain_http=True, private=True)


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        ("https://Hooks.Example/In?a=b", "https://hooks.example/In?a=b"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://x.example/a#part", "https://x.example/a"),
        ("https://x.example:8443/", "https://x.example:8443/"),
        ("https://1.1.1.1/", "https://1.1.1.1/"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
    ],
)
def test_good_urls_are_stored_as_they_are_posted_to(given_: str, stored: str) -> None:
    assert STRICT.checked(given_) == stored
    assert STRICT.checked(stored) == stored


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://x.example/", "url_not_https"),
        ("ftp://x.example/", "url_invalid"),
        ("//x.example/", "url_invalid"),
        ("https:///in", "url_invalid"),
        ("https://ex ample.com/", "url_invalid"),
        ("https://x.example/\r\nHost: y", "url_invalid"),
        ("https://user:pw@x.example/", "url_userinfo"),
        ("https://user@x.example/", "url_userinfo"),
        ("https://x.example/" + "a" * 2048, "url_too_long"),
        ("https://" + "a" * 64 + ".example/", "url_invalid"),
        ("https://x.example:25/", "url_port"),
        ("https://x.example:65536/", "url_port"),
        ("https://localhost/", "url_private"),
        ("https://localhost./", "url_private"),
        ("https://app.localhost/", "url_private"),
        ("https://127.0.0.1/", "url_private"),
        ("https://0x7f.1/", "url_private"),
        ("https://2130706433/", "url_private"),
        ("https://017700000001/", "url_private"),
        ("https://127。0。0。1/", "url_private"),
        ("https://[::1]/", "url_private"),
        ("https://[::ffff:127.0.0.1]/", "url_private"),
        ("https://[64:ff9b::7f00:1]/", "url_private"),
        ("https://[fe80::1%25eth0]/", "url_private"),
        ("https://169.254.169.254/latest", "url_private"),
        ("https://16843009/", "url_invalid"),
    ],
)
def test_bad_urls_are_refused_with_their_reason(url: str, code: str) -> None:
    with pytest.raises(InvalidUrlError) as refused:
        STRICT.checked(url)
    assert refused.value.code == code


def test_where_private_targets_are_allowed_they_and_plain_http_pass() -> None:
    assert LOCAL.checked("http://127.0.0.1:81/x") == "http://127.0.0.1:81/x"
    assert LOCAL.checked("http://localhost/") == "http://localhost/"
    with pytest.raises(InvalidUrlError):
        LOCAL.checked("http://user@localhost/")


@settings(max_examples=25)
@given(private_v4(), st.integers(0, 65535), st.data())
def test_no_spelling_of_a_private_address_passes(address: IPv4Address, port: int, data: st.DataObject) -> None:
    within = data.draw(st.sampled_from(within_v6(address, port)))
    hosts = [*spellings_v4(address), *spellings_idn(address), *(f"[{spelling}]" for spelling in spellings_v6(within))]
    for host in hosts:
        with pytest.raises(InvalidUrlError) as refused:
            STRICT.checked(f"https://{host}/")
        assert refused.value.code in {"url_private", "url_invalid"}


@settings(max_examples=25)
@given(private_v4())
def test_what_the_system_takes_for_an_address_is_taken_for_one(address: IPv4Address) -> None:
    for spelling in spellings_v4(address):
        assert literal_address(spelling.rstrip(".")) == str(address), spelling


@given(st.text(max_size=60))
def test_no_text_breaks_the_check(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}.example/"):
        try:
            stored = STRICT.checked(url)
        except InvalidUrlError:
            continue
        assert STRICT.checked(stored) == stored
