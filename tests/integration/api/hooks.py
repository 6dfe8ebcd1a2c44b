"""What schemathesis is told beside the document: who asks, ids of what is there, and what must not be destroyed.

`SCHEMATHESIS_HOOKS` names this module; `POSTHORN_PLATFORM` is the platform as JSON, and `POSTHORN_SEEN` the file that
gets how often each operation answered with which status, as JSON.
"""

from __future__ import annotations

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response

from tests.integration.api.objects import Objects

PLATFORM: dict[str, Any] = json.loads(os.environ["POSTHORN_PLATFORM"])
SEEN: Counter[str] = Counter()
ASKED: set[str] = set()
objects = Objects(PLATFORM)
# what stays as schemathesis made it: one in so many tokens, ids and bodies
STRANGER, UNKNOWN_ID = 12, 6
random = Random(7)

KINDS = {
    "/v1/domains": "domain", "/v1/api-keys": "key", "/v1/smtp-credentials": "credential", "/v1/contacts": "contact",
    "/v1/fields": "field", "/v1/templates": "template", "/v1/transports": "transport", "/v1/webhooks": "webhook",
    "/v1/platform/transports": "shared_transport", "/v1/routes/rules": "rule",
    "/v1/platform/routes/rules": "platform_rule", "/v1/suppressions": "suppression",
    "/v1/platform/suppressions": "platform_suppression", "/v1/people": "person", "/v1/erasures": "erasure",
    "/v1/platform/erasures": "platform_erasure", "/api/v1/transactionals": "transactional",
    "/v1/emails": "message", "/v1/workspaces/{workspace}/emails": "message", "/api/v1/emails": "message",
    "/api/v1/tracking": "message", "/v1/queue/jobs": "job",
}  # fmt: skip
FLEETING = ("rule", "platform_rule")  # whoever writes the whole set does away with them
DESTROYING = ("delete", "revoke", "cancel", "rotate", "remove")
READING = ("get_", "list_", "sendy_get_", "sendy_list_", "broadcast_get_")
UNIQUE = {
    "create_domain": ("name", lambda: f"{objects.unique()}.example"),
    "create_domain_address": ("address", objects.unique),
    "create_field": ("name", lambda: f"f_{objects.unique()}"),
}


@schemathesis.serializer("text/csv")
def as_csv(context: Any, value: Any) -> bytes:
    return str(value).encode(errors="replace")


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Replaces what cannot be guessed: the token, the ids in the path, and the fields of the body that are needed.

    An operation's first request is its example, asked by who may ask, about what is there.
    """
    raw = case.operation.definition.raw
    name = raw["operationId"]
    first = name not in ASKED
    ASKED.add(name)
    as_operator = _takes_operator(raw)
    if first:
        case.query = {}
    if first or random.randrange(STRANGER):
        token = PLATFORM["operator" if as_operator else "key"]
        case.headers["Authorization"] = f"Bearer {token}"
    given = dict(case.path_parameters or {})
    if given and (first or random.randrange(UNKNOWN_ID) or _would_hurt(name, given)):
        case.path_parameters = _path(case.path, name, given, as_operator=as_operator)
    if isinstance(case.body, dict):
        case.body = _body(name, _example(raw, case.media_type), case.body, 1 if first else random.randrange(4))
        if name == "change_workspace" and not as_operator:
            case.body.pop("default_sender", None)  # others send from it


@schemathesis.hook
def after_call(context: HookContext, case: Case, response: Response) -> None:
    SEEN[f"{case.operation.definition.raw['operationId']} {response.status_code}"] += 1


@atexit.register
def tell() -> None:
    Path(os.environ["POSTHORN_SEEN"]).write_text(json.dumps(SEEN))


def _takes_operator(raw: dict[str, Any]) -> bool:
    """Whether the operator asks; where a key might too, by turns."""
    wanted = {scheme for one in raw.get("security", []) for scheme in one}
    if wanted == {"ApiKey", "OperatorToken"}:
        return bool(random.randrange(2))
    return wanted == {"OperatorToken"}


def _would_hurt(name: str, given: dict[str, Any]) -> bool:
    """Whether what others need would be destroyed or changed: schemathesis learns ids from replies."""
    return not name.startswith(READING) and bool({*given.values()} & {*PLATFORM["needed"], *objects.kept()})


def _path(path: str, name: str, given: dict[str, Any], *, as_operator: bool) -> dict[str, Any]:
    destroying = name.removeprefix("sendy_").startswith(DESTROYING)
    if "workspace" in given:
        given["workspace"] = objects.of("workspace", fresh=destroying) if as_operator else PLATFORM["workspace"]
    if path.startswith(("/t/", "/u/")):
        return _link(path, given)
    if path.startswith("/v1/domains/{domain}"):
        given["domain"] = objects.of("domain")
        return given | ({"id": objects.address_of(given["domain"])} if "id" in given else {})
    if path.startswith("/v1/webhooks/{id}/"):
        # one of its own, that nothing has disabled and that has no replay yet
        given["id"] = objects.of("webhook", fresh=True)
        return {each: value if each == "id" else objects.of_webhook(given["id"], each) for each, value in given.items()}
    kind = next((KINDS[start] for start in sorted(KINDS, key=len, reverse=True) if path.startswith(f"{start}/")), None)
    named = next((each for each in given if each not in ("workspace", "attachment", "version")), None)
    if kind is None or named is None:
        return given
    if kind == "message" and destroying:
        kind = "scheduled"
    given[named] = objects.of(kind, fresh=destroying or kind in FLEETING)
    known = {"attachment": PLATFORM["attachment"], "version": 1}
    return {each: known.get(each, value) for each, value in given.items()}


def _link(path: str, given: dict[str, Any]) -> dict[str, Any]:
    kind = {"/t/o/": "open", "/t/c/": "click", "/u/{t": "unsubscribe"}[path[:5]]
    parts = PLATFORM["links"][kind].strip("/").split("/")
    return dict(zip(("token", "target"), parts[2:] if kind != "unsubscribe" else parts[1:], strict=False)) or given


def _example(raw: dict[str, Any], media_type: str | None) -> dict[str, Any]:
    example = raw["requestBody"]["content"].get(media_type or "", {}).get("example", {})
    return example if isinstance(example, dict) else {}


def _body(name: str, example: dict[str, Any], body: dict[str, Any], choice: int) -> dict[str, Any]:
    """As it was generated (0), the example (1), or right where it must be, so that the optional fields decide."""
    if choice == 0:
        return body
    made = {**example} if choice == 1 else {**body, **example}
    if name in UNIQUE:
        field, value = UNIQUE[name]
        made[field] = value()
    if name == "explain_platform_route":
        made["workspace"] = PLATFORM["workspace"]
    if name == "create_contact":
        made["attributes"] = {"email": f"{objects.unique()}@example.test"}
    return made
