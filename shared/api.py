"""The HTTP side that all services share: problem details for every error, request ids, spans and metrics."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import getrandbits
from typing import Any, TypeVar

import orjson
import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from opentelemetry.trace import SpanKind
from pydantic import BaseModel, ValidationError
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from shared.console.assets import assets_router
from shared.errors import Fault, ProblemError, invalid_request, unavailable
from shared.kafka.faults import is_infrastructure
from shared.openapi.document import complete
from shared.openapi.page import reference_router
from shared.telemetry import metrics, names
from shared.telemetry.tracing import Tracing, trace_id_of, traceparent_of

REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,128}$")
ADDRESSED = re.compile(r"/[^/]*@[^/]*")
CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}
MAX_JSON_BYTES = 64 * 1024
M = TypeVar("M", bound=BaseModel)
Handler = Callable[[Request], Awaitable[Response]]
ErrorShape = Callable[[Request, ProblemError], Response]
log = structlog.get_logger(__name__)


def json_response(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, media_type="application/json")


def shown_path(request: Request) -> str:
    """A request's path as spans show it: without the addresses that some paths name people by."""
    return ADDRESSED.sub("/(address)", request.scope["path"])


async def read_json(request: Request, model: type[M], limit: int = MAX_JSON_BYTES) -> M:
    """The request's JSON body as a model; raises a 413, 415 or 422 problem.

    For handlers to call once the caller may ask at all: FastAPI reads a declared body before it looks at the key.
    """
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise ProblemError(415, "unsupported_media_type", "The body must be application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise ProblemError(413, "too_large", f"The body is larger than {limit} bytes.")
    try:
        return model.model_validate_json(bytes(body))
    except ValidationError as error:
        raise invalid_request(faults_of(error.errors())) from error


def service_router(
    tracing: Tracing, prefix: str = "", tags: list[str] | None = None, *, in_schema: bool = True
) -> ServiceRouter:
    """A router whose routes each open a server span in the service's own name, under the caller's traceparent.

    A handler finds the span's traceparent at `request.state.trace`.
    """

    class TracedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            return traced(tracing, self.path_format, super().get_route_handler())

    return ServiceRouter(prefix=prefix, route_class=TracedRoute, tags=list(tags or []), include_in_schema=in_schema)


class ServiceRouter(APIRouter):
    """A router, and by method and path the handlers that are `direct` (see Api).

    `shapes` are the forms that errors take below a path, where they are not problem details.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.direct: dict[tuple[str, str], Handler] = {}
        self.shapes: dict[str, ErrorShape] = {}


def traced(tracing: Tracing, route: str, handle: Handler) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    """The handler inside a server span, measured."""

    async def handle_traced(request: Request) -> Response:
        started = time.monotonic()
        method = request.method
        name = f"{method} {route}"
        span = tracing.start(name, request.headers.get("traceparent"), SpanKind.SERVER)
        request.state.trace = traceparent_of(span)
        bind_contextvars(trace_id=trace_id_of(request.state.trace))
        status, fault = 500, None
        try:
            response = await handle(request)
            status = response.status_code
            return response
        except ProblemError as problem:
            status = problem.status
            raise
        except RequestValidationError:
            status = 422
            raise
        except Exception as error:
            fault = type(error).__name__
            raise
        finally:
            for act in request.scope["state"].get("at_end", ()):
                act()
            seconds = time.monotonic() - started
            if tracing.wants(span, failed=status >= 500):
                error_type = (fault or str(status)) if status >= 500 else None
                tracing.end_server_span(span, name, seconds, _attributes(request, route, status), error_type)
            labels = {"route": route, "method": method, "status": str(status)}
            metrics.observe(metrics.HTTP_REQUESTS, seconds, request.state.trace, **labels)

    return handle_traced


def _attributes(request: Request, route: str, status: int) -> dict[str, str | int]:
    return {
        names.HTTP_METHOD: request.method,
        names.HTTP_ROUTE: route,
        names.HTTP_STATUS: status,
        names.URL_PATH: shown_path(request),
        names.URL_SCHEME: request.url.scheme,
    }


def at_end(request: Request, act: Callable[[], None]) -> None:
    """Has `act` called when the request's handler has ended, however it did."""
    request.scope["state"].setdefault("at_end", []).append(act)


class Api(FastAPI):
    """FastAPI, but its `direct` handlers, by method and path, are called without its layers: for the few requests whose
    number decides what a process can take, as these layers cost more than accepting a message does.

    Each is a route as well, which describes it. Answers that never end by themselves end once it is `stopping`.
    """

    def __init__(self, public_url: str | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.public_url = public_url
        self.direct: dict[tuple[str, str], Handler] = {}
        self.shapes: dict[str, ErrorShape] = {}
        self.stopping = asyncio.Event()

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of what this process serves."""
        if self.openapi_schema is None:
            self.openapi_schema = complete(super().openapi(), self.public_url)
        return self.openapi_schema

    def shape_of(self, path: str) -> ErrorShape:
        """How errors look at a path: as the longest path above it has them."""
        above = [each for each in self.shapes if path == each or path.startswith(f"{each.rstrip('/')}/")]
        return self.shapes[max(above, key=len)] if above else problem_details

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handle = self.direct.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if handle is None:
            # around all of the layers: the outermost of them answers what nobody expected
            await RequestIds(super().__call__)(scope, receive, send)
        else:
            await RequestIds(_without_layers(handle))(scope, receive, send)


def _without_layers(handle: Handler) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await handle(request)
        except ProblemError as problem:
            response = problem_response(request, problem)
        except PyMongoError as error:
            response = await _database(request, error)
        except Exception as error:
            response = await _unexpected(request, error)
        await response(scope, receive, send)

    return answer


class RequestIds:
    """Gives every request an id, its own where it is well formed, and returns it on every reply, with those headers
    that stand in its state as `reply_headers` (pairs of bytes): they are on a reply whatever becomes of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
        request_id = given if REQUEST_ID.match(given) else f"{getrandbits(128):032x}"
        scope.setdefault("state", {})["request_id"] = request_id
        bind_contextvars(request_id=request_id)

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = scope["state"].get("reply_headers", ())
                message["headers"] = [*message["headers"], *more, (b"x-request-id", request_id.encode())]
            await send(message)

        await self._app(scope, receive, with_id)


def create_api(routers: Sequence[APIRouter], version: str = "1", public_url: str | None = None) -> Api:
    """One API of the given routers, with a defined shape for every error; `public_url` is where callers reach it."""
    api = Api(public_url, title="Posthorn", version=version, docs_url=None, redoc_url=None)
    for router in routers:
        # as they are: an included router builds each of its routes once more, and is looked through at each request
        api.router.routes += router.routes
        if isinstance(router, ServiceRouter):
            api.direct |= router.direct
            api.shapes |= router.shapes
    api.include_router(reference_router())
    api.include_router(assets_router())
    api.add_exception_handler(ProblemError, _problem)
    api.add_exception_handler(RequestValidationError, _validation)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(PyMongoError, _database)
    api.add_exception_handler(Exception, _unexpected)
    return api


def problem_response(request: Request, problem: ProblemError) -> Response:
    """The problem in the shape of the request's path."""
    api = request.scope.get("app")
    shape = api.shape_of(request.url.path) if isinstance(api, Api) else problem_details
    return shape(request, problem)


def problem_details(request: Request, problem: ProblemError) -> Response:
    """RFC 9457."""
    body = problem.body(request.url.path, getattr(request.state, "request_id", ""))
    return Response(orjson.dumps(body), problem.status, problem.headers, media_type="application/problem+json")


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return problem_response(request, error)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem_response(request, invalid_request(faults_of(error.errors())))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = CODES.get(error.status_code, "http_error")
    headers = dict(error.headers or {})
    return problem_response(request, ProblemError(error.status_code, code, f"{error.detail}.", headers=headers))


async def _database(request: Request, error: Exception) -> Response:
    if not is_infrastructure(error):
        return await _unexpected(request, error)
    log.warning("database away", error=type(error).__name__)
    return problem_response(request, unavailable("The database cannot be reached now; please try again."))


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("request failed", path=request.url.path, exc_info=error)
    return problem_response(request, ProblemError(500, "internal_error", "Something went wrong on our side."))


def faults_of(errors: Any) -> list[Fault]:
    """Pydantic's errors as faults: a JSON pointer, a code, a sentence; never the input itself."""
    faults = []
    for error in errors:
        loc = error["loc"]
        place = loc[1:] if loc and loc[0] in ("body", "query", "path", "header") else loc
        pointer = "#/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in place)
        faults.append(Fault(pointer if place else "#", error["type"], f"{error['msg']}."))
    return faults
