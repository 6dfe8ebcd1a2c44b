"""What the value of an `href` leads to, as the URI that a redirect may name. Pure."""

from __future__ import annotations

import re
from html import unescape
from html.entities import html5
from urllib.parse import quote, urlsplit, urlunsplit

import idna

LONGEST_TARGET = 1_400
"""A tracked link is a third longer, and some mail programs open none of over 2,048 characters."""

_LEFT_OVER = re.compile(r"\{\{|\}\}|\{%|\*\|")
_HTTP = re.compile(r"https?://", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9A-Fa-f]+;?|[A-Za-z][A-Za-z0-9]*(?:;|(?![A-Za-z0-9=])))")
_IGNORED = str.maketrans("", "", "\t\n\r")
_UNSAFE = re.compile(r"[^!#-;=?-~]")


def target_of(value: str) -> str | None:
    """The absolute http or https URI in printable ASCII that a value leads to; None where it is no such link.

    Templates' left-overs (`{{name}}`) are none, nor is what is longer than LONGEST_TARGET. Host names become A-labels,
    and what cannot stand in a URI is percent-encoded as UTF-8 (URL Living Standard).
    """
    url = _REFERENCE.sub(_referred, value).strip("".join(map(chr, range(0x21)))).translate(_IGNORED)
    if _HTTP.match(url) is None or _LEFT_OVER.search(url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if not host.isascii():
            parts = parts._replace(netloc=_with_host(parts.netloc, host))
            url = urlunsplit(parts)
        url = _UNSAFE.sub(lambda found: quote(found[0], safe=""), url)
    except (ValueError, UnicodeError):  # idna.IDNAError is a UnicodeError
        return None
    return url if host and len(url) <= LONGEST_TARGET else None


def _referred(found: re.Match[str]) -> str:
    """The text of a character reference as it counts in an attribute: one without its `;` before a letter, a digit or
    `=` is none, so that `?a=1&copy=2` stays (section 13.2.5.73 "Named character reference state")."""
    if found[0].startswith("&#"):
        return unescape(found[0])
    return html5.get(found[0][1:], found[0])


def _with_host(netloc: str, host: str) -> str:
    user, at, rest = netloc.rpartition("@")
    port = rest.partition(":")[1:]
    return user + at + idna.encode(host, uts46=True).decode("ascii") + "".join(port)
