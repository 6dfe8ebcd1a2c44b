"""The headers that a post is signed with, in each style.

`standard` and `ed25519`: Standard Webhooks 1.0.0, "Signature scheme", symmetric and asymmetric. `leadpush`:
https://leadpush.io/knowledge-base/integrations/webhooks/verify-webhook-signatures. `sendy`:
https://sendy.cloud/docs/webhooks.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.webhooks.signing_secrets import Style, key_of, private_key_of

DELIVERIES = uuid.UUID("5c0f2b4e-6f0d-5d0a-9a5b-6c1c2b1f7e11")
LEADPUSH_AGENT = "Leadpush-Webhooks/1.0"


@dataclass(frozen=True, slots=True)
class Post:
    """What is signed: `id` is the same on every attempt, `timestamp` this attempt's time in whole seconds since 1970,
    `body` the very bytes that are sent."""

    id: str
    event_type: str
    timestamp: int
    body: bytes


Signer = Callable[[Post], dict[str, str]]


def signer(style: Style, secrets: Sequence[str]) -> Signer:
    """Makes the headers of posts, signed with each of the secrets where the style has a list of signatures, with the
    first of them elsewhere. Raises InvalidSecretError."""
    if style is Style.STANDARD:
        return _standard([_hmac_signature(key_of(style, secret)) for secret in secrets])
    if style is Style.ED25519:
        return _standard([_ed25519_signature(secret) for secret in secrets])
    macs = hmac.new(key_of(style, secrets[0]), digestmod=hashlib.sha256)
    return _leadpush(macs) if style is Style.LEADPUSH else _sendy(macs)


def delivery_uuid(webhook_id: str) -> str:
    """The name of a delivery in the styles that call it by a UUID: the same on every attempt."""
    return str(uuid.uuid5(DELIVERIES, webhook_id))


def _standard(signatures: Sequence[Callable[[bytes], str]]) -> Signer:
    def headers(post: Post) -> dict[str, str]:
        content = f"{post.id}.{post.timestamp}.".encode() + post.body
        return {
            "webhook-id": post.id,
            "webhook-timestamp": str(post.timestamp),
            "webhook-signature": " ".join([signature(content) for signature in signatures]),
        }

    return headers


def _hmac_signature(key: bytes) -> Callable[[bytes], str]:
    keyed = hmac.new(key, digestmod=hashlib.sha256)
    return lambda content: f"v1,{base64.b64encode(_mac(keyed, content)).decode()}"


def _ed25519_signature(secret: str) -> Callable[[bytes], str]:
    private = private_key_of(secret)
    return lambda content: f"v1a,{base64.b64encode(private.sign(content)).decode()}"


def _leadpush(keyed: hmac.HMAC) -> Signer:
    def headers(post: Post) -> dict[str, str]:
        delivery = delivery_uuid(post.id)
        content = f"{post.timestamp}.{delivery}.".encode() + post.body
        return {
            "user-agent": LEADPUSH_AGENT,
            "x-leadpush-delivery": delivery,
            "x-leadpush-event": post.event_type,
            "x-leadpush-timestamp": str(post.timestamp),
            "x-leadpush-signature": f"sha256={_mac(keyed, content).hex()}",
        }

    return headers


def _sendy(keyed: hmac.HMAC) -> Signer:
    def headers(post: Post) -> dict[str, str]:
        return {
            "x-sendy-signature": f"sha256={_mac(keyed, post.body).hex()}",
            "x-sendy-event": post.event_type,
            "x-sendy-delivery": delivery_uuid(post.id),
        }

    return headers


def _mac(keyed: hmac.HMAC, content: bytes) -> bytes:
    """Setting the key up takes longer than the rest, so that is done once."""
    mac = keyed.copy()
    mac.update(content)
    return mac.digest()
