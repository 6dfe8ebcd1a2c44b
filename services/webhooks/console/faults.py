"""Why a post was not taken, and what to do about it, in words. Pure."""

from __future__ import annotations

from services.webhooks.outcomes import GONE, TOO_MANY

Words = tuple[str, str]

BY_STATUS: dict[int, Words] = {
    401: ("It asked for authorization.", "Check the headers under Settings, and how it verifies the signature."),
    403: ("It refused the request.", "Check how it verifies the signature, and what its firewall lets through."),
    404: ("There is nothing at this URL.", "Check the URL under Settings."),
    405: ("It does not take this method.", "Check the method under Settings."),
    GONE: ("It answered that it wants no more webhooks.", "Check the URL; then enable the endpoint."),
    413: ("It does not take bodies of this size.", "Raise its limit, or write a shorter body under Settings."),
    TOO_MANY: ("It asked for fewer requests.", "What waits follows by itself; a lower rate can be set under Settings."),
}
BY_ERROR: dict[str, Words] = {
    "timeout": ("It did not answer in time.", "Have it answer before it does its work, or give it more time."),
    "dns": ("Its host name does not resolve.", "Check the URL, and the DNS of its host."),
    "connect": ("No connection could be made.", "Check that it runs, and that its firewall lets Posthorn in."),
    "tls": ("No encrypted connection could be made.", "Check its certificate: its name, its chain, its end."),
    "connection_lost": ("The connection broke before the answer was whole.", "It may have arrived; look at its logs."),
    "protocol": ("Its answer is not valid HTTP.", "Check that the URL leads to a web server."),
    "private_address": ("Its host leads to an address that is not public.", "Check the DNS of its host."),
    "url": ("The request's URL is not valid.", "Check the URL and the query under Settings."),
    "http_3xx": ("It answered with a redirect, which is not followed.", "Put the URL that it leads to under Settings."),
    "http_4xx": ("It refused the request.", "Its answer below may say why."),
    "http_5xx": ("It answered with an error of its own.", "Its logs tell more. It is tried again by itself."),
    "template": ("The body is too large with this event.", "Write a shorter body under Settings."),
    "secret": ("Its secret does not open here: a fault of Posthorn.", "Tell who runs Posthorn to check its keys."),
}
UNKNOWN: Words = ("It was not taken.", "Its answer below may say why.")


def why_not(status: int | None, error: str | None) -> Words:
    """What went wrong with an attempt that was not taken, and what to do."""
    if status in BY_STATUS:
        return BY_STATUS[status]
    return BY_ERROR.get(error or "", UNKNOWN)


def outcome(status: int | None, error: str | None) -> str:
    """What came of an attempt, in short: `HTTP 503`, `timeout`."""
    return f"HTTP {status}" if status is not None else (error or "no answer").replace("_", " ")
