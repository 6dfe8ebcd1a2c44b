"""Errors that callers see: problem details (RFC 9457)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a request: a JSON pointer to the field (RFC 6901), a code and a sentence."""

    pointer: str
    code: str
    detail: str

    def as_json(self) -> dict[str, str]:
        return {"pointer": self.pointer, "code": self.code, "detail": self.detail}


class ProblemError(Exception):
    """Answered as `application/problem+json`; `members` are added to the body, `headers` to the reply."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.members = dict(members or {})
        self.headers = dict(headers or {})

    def body(self, instance: str, request_id: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "type": f"urn:posthorn:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            body["errors"] = [fault.as_json() for fault in self.errors]
        return body | self.members


def invalid_request(errors: Sequence[Fault]) -> ProblemError:
    """422 that names every fault at once."""
    names = ", ".join(sorted({fault.pointer.removeprefix("#/") or "body" for fault in errors}))
    return ProblemError(422, "invalid_request", f"The request has {len(errors)} fault(s): {names}.", errors=errors)


def unavailable(detail: str, retry_after: int = 2) -> ProblemError:
    """503 with Retry-After: nothing was stored, or it is not known; the caller tries again."""
    return ProblemError(503, "unavailable", detail, headers={"Retry-After": str(retry_after)})


class _Deadline:
    """Written out: a request passes one or two, and contextlib's way takes as long as the deadline itself."""

    __slots__ = ("_timeout",)

    def __init__(self, seconds: float) -> None:
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            error = late
        if isinstance(error, TimeoutError):
            raise unavailable("The database did not answer in time; please try again.") from error


def answered_within(seconds: float) -> AbstractAsyncContextManager[None]:
    """Ends what takes longer with 503: a caller is told in time to try again, however much waits for the database."""
    return _Deadline(seconds)


def not_found(what: str) -> ProblemError:
    return ProblemError(404, "not_found", f"No such {what}.")
