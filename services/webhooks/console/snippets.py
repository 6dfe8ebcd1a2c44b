"""How a receiver verifies what it gets, in two languages and every style of signature. Pure.

Each is whole, and needs nothing but its language, but for the Python one of `ed25519`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.webhooks.signing_secrets import Style


@dataclass(frozen=True, slots=True)
class Snippet:
    """`file` is what such a text is kept in; it reads the secret, or the public key, from its environment."""

    name: str
    file: str
    text: str


PYTHON = {
    Style.STANDARD: '''import base64
import hashlib
import hmac
import os
import time

KEY = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))


def verify(headers: dict[str, str], body: bytes) -> bool:
    """Names of headers in lower case; the body as it came, not parsed."""
    timestamp = headers["webhook-timestamp"]
    if abs(time.time() - int(timestamp)) > 300:
        return False
    signed = f"{headers['webhook-id']}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest())
    given = headers["webhook-signature"].encode().split()
    return any(hmac.compare_digest(expected, one) for one in given)
''',
    Style.ED25519: '''import base64
import os
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

RAW = base64.b64decode(os.environ["WEBHOOK_PUBLIC_KEY"].removeprefix("whpk_"))
KEY = Ed25519PublicKey.from_public_bytes(RAW)


def verify(headers: dict[str, str], body: bytes) -> bool:
    """Names of headers in lower case; the body as it came, not parsed."""
    timestamp = headers["webhook-timestamp"]
    if abs(time.time() - int(timestamp)) > 300:
        return False
    signed = f"{headers['webhook-id']}.{timestamp}.".encode() + body
    return any(is_ours(one, signed) for one in headers["webhook-signature"].split())


def is_ours(signature: str, signed: bytes) -> bool:
    try:
        KEY.verify(base64.b64decode(signature.removeprefix("v1a,")), signed)
    except (InvalidSignature, ValueError):
        return False
    return True
''',
    Style.LEADPUSH: '''import hashlib
import hmac
import os
import time

KEY = os.environ["WEBHOOK_SECRET"].encode()


def verify(headers: dict[str, str], body: bytes) -> bool:
    """Names of headers in lower case; the body as it came, not parsed."""
    timestamp = headers["x-leadpush-timestamp"]
    if abs(time.time() - int(timestamp)) > 300:
        return False
    signed = f"{timestamp}.{headers['x-leadpush-delivery']}.".encode() + body
    expected = "sha256=" + hmac.new(KEY, signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), headers["x-leadpush-signature"].encode())
''',
    Style.SENDY: '''import hashlib
import hmac
import os

KEY = os.environ["WEBHOOK_SECRET"].encode()


def verify(headers: dict[str, str], body: bytes) -> bool:
    """Names of headers in lower case; the body as it came, not parsed."""
    expected = "sha256=" + hmac.new(KEY, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), headers["x-sendy-signature"].encode())
''',
}
NODE = {
    Style.STANDARD: """import { createHmac, timingSafeEqual } from "node:crypto";

const key = Buffer.from(process.env.WEBHOOK_SECRET.replace("whsec_", ""), "base64");

// names of headers in lower case; the body a Buffer as it came, not parsed
export function verify(headers, body) {
  const timestamp = headers["webhook-timestamp"];
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300)) return false;
  const start = `${headers["webhook-id"]}.${timestamp}.`;
  const expected = createHmac("sha256", key).update(start).update(body).digest();
  return headers["webhook-signature"].split(" ").some((one) => {
    const given = Buffer.from(one.replace("v1,", ""), "base64");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
""",
    Style.ED25519: """import { createPublicKey, verify as isSigned } from "node:crypto";

const raw = Buffer.from(process.env.WEBHOOK_PUBLIC_KEY.replace("whpk_", ""), "base64");
const jwk = { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") };
const key = createPublicKey({ key: jwk, format: "jwk" });

// names of headers in lower case; the body a Buffer as it came, not parsed
export function verify(headers, body) {
  const timestamp = headers["webhook-timestamp"];
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300)) return false;
  const start = Buffer.from(`${headers["webhook-id"]}.${timestamp}.`);
  const signed = Buffer.concat([start, body]);
  return headers["webhook-signature"].split(" ").some((one) =>
    isSigned(null, signed, key, Buffer.from(one.replace("v1a,", ""), "base64")));
}
""",
    Style.LEADPUSH: """import { createHmac, timingSafeEqual } from "node:crypto";

const key = process.env.WEBHOOK_SECRET;

// names of headers in lower case; the body a Buffer as it came, not parsed
export function verify(headers, body) {
  const timestamp = headers["x-leadpush-timestamp"];
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300)) return false;
  const start = `${timestamp}.${headers["x-leadpush-delivery"]}.`;
  const expected = createHmac("sha256", key).update(start).update(body).digest();
  const given = Buffer.from(headers["x-leadpush-signature"].replace("sha256=", ""), "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}
""",
    Style.SENDY: """import { createHmac, timingSafeEqual } from "node:crypto";

const key = process.env.WEBHOOK_SECRET;

// names of headers in lower case; the body a Buffer as it came, not parsed
export function verify(headers, body) {
  const expected = createHmac("sha256", key).update(body).digest();
  const given = Buffer.from(headers["x-sendy-signature"].replace("sha256=", ""), "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}
""",
}
SNIPPETS: Mapping[Style, tuple[Snippet, ...]] = {
    style: (Snippet("Python", "verify.py", PYTHON[style]), Snippet("Node", "verify.mjs", NODE[style]))
    for style in Style
}
