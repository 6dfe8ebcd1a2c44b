"""What is asked of the API, with names of objects in the place of their ids, and what a reply says beside them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

OPERATOR, OPEN = "the operator", "everybody"
Values = Mapping[str, str]

_NAME = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")
# what every reply draws or reads off the clock anew
_DRAWN = [
    (re.compile(r'"(request_id|requestId)":"[^"]*"'), r'"\1":"…"'),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)"), "<time>"),
    (re.compile(r"\b\d{15,16}\b"), "<number>"),
    (re.compile(r"(?=[a-z0-9+/=_-]*[A-Z])(?=[A-Za-z+/=_-]*[0-9])[A-Za-z0-9+/=_-]{20,}"), "<drawn>"),
    (re.compile(r"\b[0-9a-f]{32}([0-9a-f]{32})?\b"), "<drawn>"),
    (re.compile(r'"(prefix|user)":"\w+"'), r'"\1":"<drawn>"'),
]
_HEADERS = ("content-type", "location", "idempotency-replayed", "www-authenticate", "retry-after")


@dataclass(frozen=True)
class Ask:
    """One way to use an operation of the API. `{name}` in its texts stands for an object of whoever's it is to be;
    `{my_name}` for one of the caller's own; `{free}` for a text that nothing is called yet.

    `scope` is the one that a key needs, `held` are others that it hands on. `alone` is False for what a workspace
    cannot ask about its own objects, or not once more.
    """

    operation: str
    scope: str
    json: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    text: str | None = None
    held: tuple[str, ...] = ()
    alone: bool = True

    @property
    def method(self) -> str:
        return self.operation.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.operation.partition(" ")[2]

    @property
    def refusal(self) -> int:
        """The status for a key that lacks the scope."""
        return 401 if self.path.startswith("/api/v1/transactionals") else 403


@dataclass(frozen=True)
class Reply:
    """What a reply says: its text without what was asked by name, and without what is drawn anew each time."""

    status: int
    headers: tuple[tuple[str, str], ...]
    text: str


def listed(wrong: Mapping[tuple[str, str], Iterable[Any]]) -> str:
    """What went wrong, each reply in a line of its own."""
    return "\n".join("\n  ".join([" ".join(what), *map(str, replies)]) for what, replies in wrong.items())


class Asker:
    """Asks with one key, or none, out of `own`, the objects of the caller's workspace."""

    def __init__(self, http: httpx.AsyncClient, key: str | None, own: Values) -> None:
        self._http = http
        self._key = key
        self._own = {f"my_{name}": value for name, value in own.items()}

    async def ask(self, ask: Ask, values: Values) -> Reply:
        known = {**values, **self._own, "free": secrets.token_hex(6)}
        headers = {name: _filled(text, known) for name, text in ask.headers.items()}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        body = {"json": _filled(ask.json, known)} if ask.json is not None else {}
        if ask.text is not None:
            body = {"content": _filled(ask.text, known)}
        if ask.form is not None:
            body = {"files": {name: (None, _filled(text, known)) for name, text in ask.form.items()}}
        reply = await self._http.request(
            ask.method, _path(ask.path, known), params=_filled(dict(ask.query), known), headers=headers, **body
        )
        return said(reply, {name: known[name] for name in _names(ask) if not name.startswith("my_")})


def said(reply: httpx.Response, asked: Values) -> Reply:
    told = [(name, reply.headers[name]) for name in _HEADERS if name in reply.headers]
    names = sorted(set(reply.headers) - {"x-request-id", "content-length", "ratelimit"})
    parts = [(name, _plain(value, asked)) for name, value in told] + [("names", " ".join(names))]
    return Reply(reply.status_code, tuple(parts), _plain(reply.text, asked))


def _plain(text: str, asked: Values) -> str:
    for name, value in sorted(asked.items(), key=lambda each: -len(each[1])):
        for spelt in (value, quote(value, safe="")):
            text = text.replace(spelt, f"<{name}>")
    for pattern, instead in _DRAWN:
        text = pattern.sub(instead, text)
    return text


def _names(ask: Ask) -> set[str]:
    return set(_NAME.findall(f"{ask.path} {ask.json} {dict(ask.query)} {dict(ask.headers)} {ask.form} {ask.text}"))


def _path(path: str, known: Values) -> str:
    return _NAME.sub(lambda found: quote(known[found[1]], safe=""), path)


def _filled(value: Any, known: Values) -> Any:
    if isinstance(value, str):
        return _NAME.sub(lambda found: known[found[1]], value)
    if isinstance(value, dict):
        return {_filled(name, known): _filled(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, known) for each in value]
    return value
