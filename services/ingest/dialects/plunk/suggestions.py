"""What a caller can do about an error, in a sentence each. Pure."""

from __future__ import annotations

SUGGESTIONS = {
    "MISSING_AUTH": "Send the header `Authorization: Bearer <API key>`.",
    "INVALID_API_KEY": "Use an API key of the workspace that has not expired or been revoked.",
    "FORBIDDEN": "Use an API key with the scope that the message names.",
    "EMAIL_VERIFICATION_REQUIRED": "Have the operator verify the address of the workspace's owner.",
    "UPGRADE_REQUIRED": "Have the operator give the workspace the feature that the message names.",
    "RESOURCE_NOT_FOUND": "Look at the path: there is nothing at it.",
    "TEMPLATE_NOT_FOUND": "Use the id of a template of the key's workspace: GET /v1/templates lists them.",
    "METHOD_NOT_ALLOWED": "Use POST.",
    "IDEMPOTENCY_KEY_REUSED": "The request was not carried out again: use a new key for a new one.",
    "VALIDATION_ERROR": "Correct the fields that `errors` names.",
    "BAD_REQUEST": "Correct what the message names.",
    "PAYLOAD_TOO_LARGE": "Send less: the message names the limit.",
    "UNSUPPORTED_MEDIA_TYPE": "Send JSON, with the header `Content-Type: application/json`.",
    "RATE_LIMIT_EXCEEDED": "Wait for as many seconds as the header Retry-After says.",
    "BILLING_LIMIT_EXCEEDED": "Wait until midnight UTC, or have the operator raise the workspace's daily quota.",
    "DATABASE_ERROR": "Try again after as many seconds as the header Retry-After says.",
}
MALFORMED = "Send a JSON object as the body."
UNEXPECTED = "Try again; if that does not help, give the request id to the operator."


def suggestion(code: str, status: int) -> str:
    """What to do about an error of this code and status."""
    if (code, status) == ("VALIDATION_ERROR", 400):
        return MALFORMED
    return SUGGESTIONS.get(code, UNEXPECTED)
