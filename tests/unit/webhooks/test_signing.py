"""Signatures, against the specification's vector and the reference library."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from services.webhooks.signing import new_secret, shown_secret, signed_headers


def test_the_known_vector() -> None:
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.text(max_size=200).filter(lambda text: "\r" not in text))
def test_the_reference_library_verifies_what_is_signed_and_nothing_else(text: str) -> None:
    secret, body = new_secret(), text.encode()
    headers = signed_headers(secret, "msg_1", int(datetime.now(UTC).timestamp()), body)
    Webhook(shown_secret(secret)).verify(body, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(shown_secret(secret)).verify(body + b" ", headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(shown_secret(new_secret())).verify(body, headers, json_parse=False)


def test_secrets_are_32_random_bytes() -> None:
    assert len({new_secret() for _ in range(10)}) == 10
    assert {len(base64.b64decode(shown_secret(new_secret()).removeprefix("whsec_"))) for _ in range(10)} == {32}
