"""What every sending route does around its own work: who asks, whether that one may send, and what was refused."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pymongo.errors import PyMongoError

from services.ingest.acceptance.gates import require_sending
from services.ingest.acceptance.idempotency import KEY, read_key
from services.ingest.acceptance.send_request import MalformedJsonError
from services.ingest.acceptance.storing import Call
from services.ingest.acceptance.validation import ENCODED
from services.ingest.api.body import read_body, require_json
from services.ingest.api.body_budget import BodyBudget
from services.ingest.api.multipart import Form, Limits, form_of
from services.ingest.faults import Faults
from services.ingest.settings import Settings
from services.ingest.store.uploads import Uploads
from shared.api import at_end, faults_of
from shared.auth import Authenticator, Principal
from shared.errors import ProblemError, answered_within, invalid_request
from shared.telemetry import metrics

M = TypeVar("M", bound=BaseModel)
FORM_BYTES = 4 * 1024 * 1024  # what is held of a form at most: a chunk, its copies on their way, its fields
UPLOAD_LIFE = timedelta(days=1)  # of a file that no message came to name


class Door:
    """A way in over HTTP, by its name in metrics and submissions."""

    def __init__(
        self, name: str, authenticator: Authenticator, uploads: Uploads, bodies: BodyBudget, settings: Settings
    ) -> None:
        self.name = name
        self.settings = settings
        self._authenticator = authenticator
        self._uploads = uploads
        self._bodies = bodies

    async def sender(self, request: Request) -> Principal:
        """The caller, past every gate of a sending route; raises a 401, 404 or 403 problem."""
        principal = await self.caller(request, "email.send")
        require_sending(principal)
        return principal

    async def caller(self, request: Request, scope: str) -> Principal:
        """The caller of a route that needs a scope; raises a 401, 404 or 403 problem."""
        principal = self._authenticator.admit_remembered(request)
        if principal is None:
            async with answered_within(self.settings.answer_seconds):
                principal = await self._authenticator.admit(request)
        if "workspace" in request.path_params:
            principal.require_workspace(request.path_params["workspace"])
        principal.require_scope(scope)
        request.state.workspace_id = principal.workspace_id
        return principal

    def call(self, request: Request, principal: Principal, keys: re.Pattern[str] = KEY) -> Call:
        """The call with its Idempotency-Key; raises a 400 problem for one that is not of `keys`."""
        key = read_key(request.headers.getlist("idempotency-key"), keys)
        return Call(principal, self.name, request.state.trace, key)

    async def json_body(self, request: Request, most: int | None = None) -> bytes:
        """The body of a caller's request that says it is JSON; raises a 413, 415 or 400 problem, and a 503 problem
        where there is no room for a large one."""
        require_json(request)

        async def room(count: int) -> float:
            await self._take_room(request, count)
            return self.settings.body_read_seconds

        return await read_body(request, most or self.settings.max_body_bytes, room)

    @asynccontextmanager
    async def form(self, request: Request, principal: Principal, files: int, faults: Faults) -> AsyncIterator[Form]:
        """The request's multipart form with at most so many files; see `form_of`. Raises a 503 problem where there is
        no room for one more."""
        await self._take_room(request, FORM_BYTES)
        most = int(principal.workspace.max_message_bytes / ENCODED)
        limits = Limits(files, min(most, self.settings.max_file_bytes), most)
        async with form_of(request, self._uploads, limits, datetime.now(UTC) + UPLOAD_LIFE, faults) as form:
            yield form

    async def _take_room(self, request: Request, count: int) -> None:
        """Room until the request is answered."""
        give_back = await self._bodies.take(request.state.workspace_id, count, self.settings.body_wait_seconds)
        at_end(request, give_back)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Counts what is asked for and how that ends, and what is refused by its code."""
        try:
            yield
        except ProblemError as problem:
            metrics.REFUSED.labels(problem.code, self.name).inc()
            metrics.count(metrics.ASKED, door=self.name, result="failed" if problem.status >= 500 else "refused")
            raise
        except Exception as error:
            if isinstance(error, PyMongoError):
                metrics.REFUSED.labels("unavailable", self.name).inc()
            metrics.count(metrics.ASKED, door=self.name, result="failed")
            raise
        metrics.count(metrics.ASKED, door=self.name, result="ok")


def malformed(error: MalformedJsonError) -> ProblemError:
    return ProblemError(400, "malformed_json", f"{error}.")


def parse_model(model: type[M], body: bytes) -> M:
    """A JSON body as a model; raises a 400 problem for what is no JSON, a 422 problem for what does not fit."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        if errors[0]["type"] == "json_invalid":
            raise malformed(MalformedJsonError(errors[0]["msg"])) from error
        raise invalid_request(faults_of(errors)) from error
