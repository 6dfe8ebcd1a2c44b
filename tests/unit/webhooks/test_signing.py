"""Signatures, against the specifications' vectors, the reference library and the standard library's HMAC."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from services.webhooks.rules import webhook_id
from services.webhooks.signing import Post, signer
from services.webhooks.signing_secrets import (
    InvalidSecretError,
    Style,
    check_own_secret,
    check_secret,
    new_secret,
    public_key_of,
)

KNOWN = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def a_post(body: bytes = BODY) -> Post:
    return Post("msg_1", "email.delivered", int(datetime.now(UTC).timestamp()), body)


def test_the_known_vector() -> None:
    headers = signer(Style.STANDARD, [KNOWN])(Post("msg_p5jXN8AQM9LWM0D4loKWxJek", "t", 1614265330, BODY))
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.text(max_size=200).filter(lambda text: "\r" not in text), st.binary(min_size=24, max_size=64))
def test_the_reference_library_verifies_what_is_signed_and_nothing_else(text: str, key: bytes) -> None:
    secret, body = f"whsec_{base64.b64encode(key).decode()}", text.encode()
    headers = signer(Style.STANDARD, [secret])(a_post(body))
    Webhook(secret).verify(body, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret(Style.STANDARD)).verify(body, headers, json_parse=False)


def test_two_live_secrets_both_sign_the_first_one_first() -> None:
    new, old = new_secret(Style.STANDARD), new_secret(Style.STANDARD)
    post = a_post()
    headers = signer(Style.STANDARD, [new, old])(post)
    for secret in (new, old):
        Webhook(secret).verify(BODY, headers, json_parse=False)
    alone = [signer(Style.STANDARD, [secret])(post)["webhook-signature"] for secret in (new, old)]
    assert headers["webhook-signature"].split(" ") == alone


def test_an_ed25519_signature_is_verified_with_the_public_key_alone() -> None:
    secret, post = new_secret(Style.ED25519), a_post()
    headers = signer(Style.ED25519, [secret, new_secret(Style.ED25519)])(post)
    first, second = headers["webhook-signature"].split(" ")
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key_of(secret).removeprefix("whpk_")))
    content = f"{post.id}.{post.timestamp}.".encode() + BODY
    public.verify(base64.b64decode(first.removeprefix("v1a,")), content)
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(second.removeprefix("v1a,")), content)


@given(st.binary(max_size=100))
def test_leadpush_signs_timestamp_delivery_and_body_with_the_secret_as_it_stands(body: bytes) -> None:
    headers = signer(Style.LEADPUSH, ["the-secret-of-leadpush"])(Post("msg_1", "email.sent", 1614265330, body))
    UUID(headers["x-leadpush-delivery"])
    signed = b".".join([b"1614265330", headers["x-leadpush-delivery"].encode(), body])
    expected = hmac.new(b"the-secret-of-leadpush", signed, hashlib.sha256).hexdigest()
    assert headers["x-leadpush-signature"] == f"sha256={expected}"
    assert (headers["x-leadpush-timestamp"], headers["x-leadpush-event"]) == ("1614265330", "email.sent")
    assert headers["user-agent"] == "Leadpush-Webhooks/1.0"


@given(st.binary(max_size=100))
def test_sendy_signs_the_body_only(body: bytes) -> None:
    headers = signer(Style.SENDY, ["the-secret-of-sendy"])(Post("msg_1", "email.sent", 1614265330, body))
    UUID(headers["x-sendy-delivery"])
    expected = hmac.new(b"the-secret-of-sendy", body, hashlib.sha256).hexdigest()
    assert (headers["x-sendy-signature"], headers["x-sendy-event"]) == (f"sha256={expected}", "email.sent")


@pytest.mark.parametrize("style", [Style.LEADPUSH, Style.SENDY])
def test_the_uuid_of_a_delivery_is_the_same_each_time_and_another_for_each_endpoint(style: Style) -> None:
    sign, name = signer(style, ["x" * 16]), f"x-{style}-delivery"
    first, again = (sign(Post(webhook_id("event", "e1"), "t", timestamp, b""))[name] for timestamp in (1, 2))
    assert first == again
    assert sign(Post(webhook_id("event", "e2"), "t", 1, b""))[name] != first


def test_secrets_are_32_random_bytes() -> None:
    assert len({new_secret(Style.STANDARD) for _ in range(10)}) == 10
    for style, prefix in ((Style.STANDARD, "whsec_"), (Style.LEADPUSH, "whsec_"), (Style.ED25519, "whsk_")):
        made = new_secret(style)
        assert len(base64.b64decode(made.removeprefix(prefix))) == 32
        check_secret(style, made)


@pytest.mark.parametrize(
    ("style", "secret"),
    [
        (Style.STANDARD, KNOWN.removeprefix("whsec_")),
        (Style.STANDARD, "whsec_not base64"),
        (Style.STANDARD, "whsec_" + base64.b64encode(b"x" * 23).decode()),
        (Style.STANDARD, "whsec_" + base64.b64encode(b"x" * 65).decode()),
        (Style.STANDARD, "whsec_é"),
        (Style.STANDARD, ""),
        (Style.LEADPUSH, "x" * 15),
        (Style.LEADPUSH, "x" * 257),
        (Style.SENDY, "with a space in it"),
        (Style.SENDY, "line\nbreak" * 3),
        (Style.SENDY, "whsk_" + base64.b64encode(b"x" * 32).decode()),
        (Style.ED25519, "whsk_" + base64.b64encode(b"x" * 32).decode()),
    ],
)
def test_a_secret_that_does_not_fit_its_style_is_refused(style: Style, secret: str) -> None:
    with pytest.raises(InvalidSecretError):
        check_own_secret(style, secret)


@pytest.mark.parametrize("size", [24, 64])
def test_a_secret_of_the_right_length_may_be_brought_along(size: int) -> None:
    for style in (Style.STANDARD, Style.LEADPUSH, Style.SENDY):
        check_own_secret(style, "whsec_" + base64.b64encode(b"k" * size).decode())
