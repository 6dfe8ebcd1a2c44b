"""A scriptable SMTP sink: takes mail for any address, misbehaves as the local part asks, shows what it got over HTTP.

`python -m deploy.local.sink --smtp-port 8025 --http-port 8026`; see sink_behaviours.py for the local parts.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
import typer
from fastapi import FastAPI, HTTPException, Response

from deploy.local.certificate import server_context
from deploy.local.ports import HOST
from deploy.local.serving import run, serve_http
from deploy.local.sink_behaviours import Settings, Visits
from deploy.local.sink_mailbox import Mailbox
from deploy.local.sink_session import SmtpSession


class Sink:
    """The SMTP door and what came through it."""

    def __init__(self, keep: int = 50_000, settings: Settings | None = None, tls: bool = False) -> None:
        self.settings = settings or Settings()
        self.mailbox = Mailbox(keep)
        self._visits = Visits(self.settings)
        self._tls: ssl.SSLContext | None = server_context() if tls else None

    @contextlib.asynccontextmanager
    async def open(self, host: str, port: int) -> AsyncIterator[int]:
        """Listen on `port` (0: any free one) until the block ends; gives the port."""
        server = await asyncio.start_server(self._serve, host, port, backlog=1024)
        async with server:
            yield server.sockets[0].getsockname()[1]

    def forget(self) -> None:
        """Forget what was received, and which addresses came before."""
        self.mailbox.clear()
        self._visits.first.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await SmtpSession(reader, writer, self.mailbox, self._visits, self._tls).run()


def create_app(sink: Sink) -> FastAPI:
    """The HTTP side of `sink`."""
    app = FastAPI(title="Posthorn SMTP sink")
    mailbox = sink.mailbox

    @app.get("/readyz")
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.get("/messages")
    async def messages(recipient: str | None = None, limit: int = 100) -> Response:
        """What was received, newest first; `recipient` is compared without regard to case."""
        return _json([message.summary() for message in mailbox.newest(recipient, limit)])

    @app.get("/messages/{message_id}/raw")
    async def raw(message_id: int) -> Response:
        """The content byte for byte."""
        message = mailbox.get(message_id)
        if message is None:
            raise HTTPException(404, "no such message is kept")
        return Response(message.raw, media_type="message/rfc822")

    @app.get("/counts")
    async def counts(recipient: str | None = None) -> Response:
        """Attempts (RCPT commands), refusals and deliveries by recipient in lower case, and their totals."""
        if recipient is None:
            shown: dict[str, object] = {what: dict(counter) for what, counter in mailbox.counts.items()}
        else:
            shown = {what: {recipient.lower(): counter[recipient.lower()]} for what, counter in mailbox.counts.items()}
        return _json({**shown, "totals": {what: counter.total() for what, counter in mailbox.counts.items()}})

    @app.get("/sessions")
    async def sessions(limit: int = 100) -> Response:
        """SMTP connections, newest first."""
        return _json([vars(session) for session in list(mailbox.sessions)[: -limit - 1 : -1]])

    @app.put("/settings")
    async def change_settings(settings: Settings) -> Settings:
        """Set how long `slow@` and `tarpit@` wait and how soon `greylist@` accepts, in seconds."""
        sink.settings.slow_seconds, sink.settings.greylist_seconds = settings.slow_seconds, settings.greylist_seconds
        return sink.settings

    @app.delete("/messages", status_code=204)
    async def forget() -> None:
        """Forget messages, sessions and counts, and which addresses came before."""
        sink.forget()

    return app


def _json(value: object) -> Response:
    return Response(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS), media_type="application/json")


def main(
    smtp_port: Annotated[int, typer.Option(help="where mail is taken")] = 8025,
    http_port: Annotated[int, typer.Option(help="where it is shown")] = 8026,
    host: Annotated[str, typer.Option(help="address of both")] = HOST,
    tls: Annotated[
        bool, typer.Option(help="offer STARTTLS with a certificate made now", envvar="POSTHORN_SINK_TLS")
    ] = False,
    keep: Annotated[int, typer.Option(help="messages kept")] = 50_000,
    slow_seconds: Annotated[float, typer.Option(help="how long slow@ and tarpit@ wait")] = 3.0,
    greylist_seconds: Annotated[float, typer.Option(help="how soon greylist@ accepts")] = 0.5,
) -> None:
    """Run the SMTP sink until it is told to stop."""
    sink = Sink(keep, Settings(slow_seconds, greylist_seconds), tls)

    async def serve() -> None:
        async with sink.open(host, smtp_port):
            await serve_http(create_app(sink), host, http_port)

    run(serve())


if __name__ == "__main__":
    typer.run(main)
