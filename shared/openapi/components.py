"""The parts of the OpenAPI document that every operation shares: problems, headers, request headers, tags."""

from __future__ import annotations

from typing import Any

from shared.openapi.security import API_KEY, OPERATOR_TOKEN

DESCRIPTION = """\
Transactional e-mail of your own. `POST /v1/emails` accepts a message durably; `GET /v1/emails/{id}` and webhooks tell \
what became of it.

- Errors are problem details (RFC 9457) with every fault of the request by its JSON pointer, but below the paths of \
Broadcast, Plunk and Sendy, whose callers find the errors that they know. A path that there is not gets 404, and a \
method that a path does not have 405 with `Allow`, in the same shapes.
- Every reply has an `X-Request-Id`: the caller's own where it is 8 to 128 letters, digits and `.`, `_` or `-`.
- Times are RFC 3339 in UTC; ids are UUIDs (version 7), whose order is that of time.
- The native routes refuse fields that they do not know, also in the query; the routes of other systems ignore them.\
"""
TAGS = {
    "emails": "Send messages, look at what became of them, cancel and repeat them",
    "activity": "How much happens to mail over time, and how quickly its critical lane goes out",
    "domains": "Sending domains, their DNS records and DKIM keys, and their sender addresses",
    "contacts": "Recipients that the workspace knows, their events, and the fields that they have",
    "templates": "What is sent again and again, in versions",
    "suppressions": "Addresses that get no mail",
    "privacy": "What is held of one person: all of it to take along, and its erasure",
    "webhooks": "Endpoints that are told what became of messages, and each attempt to tell them",
    "queue": "What waits to be delivered, and what may be done with it",
    "transports": "Ways out: the recipients' own mail servers, and smart hosts",
    "routes": "Which transports a workspace's mail takes, in their order",
    "health": "How well transports work, and what recipients complain of",
    "keys": "API keys, and credentials for the SMTP door",
    "workspaces": "Workspaces, made and bounded by the operator",
    "audit": "Who changed what, and when",
    "platform": "What holds for all workspaces, for the operator",
    "broadcast": "Broadcast's transactional API, for callers that were written for it",
    "plunk": "Plunk's transactional API, for callers that were written for it",
    "sendy": "Sendy's e-mail API, for callers that were written for it",
    "links": "Where the links of messages lead; open to everybody",
}


def _texts(*names: str) -> dict[str, Any]:
    return {name: {"type": "string"} for name in names}


FAULT = {
    "title": "Fault",
    "description": "One fault of a request: where it is (RFC 6901), a code and a sentence",
    "type": "object",
    "required": ["pointer", "code", "detail"],
    "properties": _texts("pointer", "code", "detail"),
}
PROBLEM = {
    "title": "Problem",
    "description": "Problem details (RFC 9457); `errors` names every fault of a request",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        **_texts("type", "title", "detail", "instance", "code", "request_id"),
        "status": {"type": "integer"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
    },
    "example": {
        "type": "urn:posthorn:problem:invalid_request",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "The request has 1 fault(s): to.",
        "instance": "/v1/emails",
        "code": "invalid_request",
        "request_id": "0f2d1c2b3a4958677685948372615040",
        "errors": [{"pointer": "#/to", "code": "required", "detail": "`to` is required."}],
    },
}
SCHEMAS = {"Fault": FAULT, "Problem": PROBLEM}
SECURITY_SCHEMES = {
    scheme.scheme_name: scheme.model.model_dump(mode="json", by_alias=True, exclude_none=True)
    for scheme in (API_KEY, OPERATOR_TOKEN)
}


def _header(description: str, schema: dict[str, Any], *, always: bool = False) -> dict[str, Any]:
    return {"description": description, "schema": schema, **({"required": True} if always else {})}


_TEXT: dict[str, Any] = {"type": "string"}
HEADERS = {
    "X-Request-Id": _header("The request's id, as logs have it", {**_TEXT, "minLength": 8}, always=True),
    "RateLimit": _header("What is left of each limit, and seconds until it is whole (draft-ietf-httpapi-ratelimit-"
                         "headers-10)", _TEXT),
    "RateLimit-Policy": _header("The limits of the key and its workspace: requests in seconds", _TEXT),
    "Retry-After": _header("Seconds until the next try", {**_TEXT, "pattern": "^[0-9]+$"}),
    "WWW-Authenticate": _header("How to authenticate (RFC 6750)", _TEXT),
    "Idempotency-Replayed": _header("`true` where this is the first request's reply", {"const": "true"}),
    "Location": _header("Where the new object is", _TEXT),
}  # fmt: skip
PARAMETERS = {
    "RequestId": {
        "name": "X-Request-Id",
        "in": "header",
        "description": "An id for this request; where it is none of 8 to 128 letters, digits, `.`, `_` and `-`, one is "
        "made",
        "schema": _TEXT,
    },
    "Traceparent": {
        "name": "traceparent",
        "in": "header",
        "description": "The caller's trace (W3C Trace Context), which the message's own goes on",
        "schema": _TEXT,
        "example": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    },
}
