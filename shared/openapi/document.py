"""The whole OpenAPI document: FastAPI's, with what every operation shares said once and everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from shared.openapi.components import DESCRIPTION, HEADERS, PARAMETERS, SCHEMAS, SECURITY_SCHEMES, TAGS
from shared.openapi.operations import PROBLEM_JSON, problems
from shared.openapi.security import API_KEY

METHODS = ("get", "put", "post", "delete", "patch")
AFTER = ("429", "503")  # replies that say when to try again
NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
JSON_TYPES = ("application/json", PROBLEM_JSON)
OF_FASTAPI = ("HTTPValidationError", "ValidationError")  # its own reply to bad parameters, which is a problem here

Document = dict[str, Any]


def complete(document: Document, public_url: str | None) -> Document:
    """FastAPI's document with the descriptions, headers, security and problems that its routes share."""
    document["info"]["description"] = DESCRIPTION
    if public_url is not None:
        document["servers"] = [{"url": public_url.rstrip("/"), "description": "This platform"}]
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in OF_FASTAPI:
        schemas.pop(name, None)
    schemas.update(SCHEMAS)
    components |= {"headers": HEADERS, "parameters": PARAMETERS, "securitySchemes": SECURITY_SCHEMES}
    used = set()
    for operation in operations_of(document):
        _complete_operation(operation)
        used |= set(operation["tags"])
    _name_bodies(document, schemas)
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items() if name in used]
    return document


def operations_of(document: Document) -> Iterator[Document]:
    for path in document["paths"].values():
        yield from (operation for method, operation in path.items() if method in METHODS)


def _complete_operation(operation: Document) -> None:
    responses = operation["responses"]
    if "description" in operation:
        summary, _, more = operation["description"].partition(".")
        operation["summary"], operation["description"] = summary, more.strip()
        if not operation["description"]:
            del operation["description"]
    if _is_fastapis(responses.get("422", {})):
        del responses["422"]
    if "401" in responses:
        operation.setdefault("security", [{API_KEY.scheme_name: []}])
    parameters = operation.setdefault("parameters", [])
    headers = ("RequestId", "Traceparent") if "security" in operation else ("RequestId",)
    parameters += [{"$ref": f"#/components/parameters/{name}"} for name in headers]
    responses.setdefault("500", _failure(responses))
    for status, reply in responses.items():
        reply["headers"] = {**reply.get("headers", {}), **_headers_of(status, limited="429" in responses)}
    operation["responses"] = dict(sorted(responses.items()))


def _is_fastapis(reply: Document) -> bool:
    schema = reply.get("content", {}).get("application/json", {}).get("schema", {})
    return bool(schema.get("$ref", "").endswith(OF_FASTAPI[0]))


def _failure(responses: Document) -> Document:
    """What an error of ours looks like: as the route's other errors do."""
    ((_, plain),) = problems(500).items()
    unavailable = responses.get("503", {}).get("content", {})
    return {**plain, "content": unavailable} if set(unavailable) & set(JSON_TYPES) else plain


def _headers_of(status: str, *, limited: bool) -> Document:
    names = ["X-Request-Id"]
    if limited and status not in ("401", "500", "503"):
        names += ["RateLimit", "RateLimit-Policy"]
    if status in AFTER:
        names.append("Retry-After")
    if status == "401":
        names.append("WWW-Authenticate")
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _name_bodies(document: Document, schemas: Document) -> None:
    """Request bodies that have a name of their own become components, so that clients made from this have them."""
    for operation in operations_of(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = content["schema"]
            name = schema.get("title", "")
            if NAME.fullmatch(name) and schemas.setdefault(name, schema) == schema:
                content["schema"] = {"$ref": f"#/components/schemas/{name}"}
