"""`posthorn queue`: what waits, and what may be done with it, through the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from services.sender.queue_command import tables
from services.sender.queue_command.client import QueueClient
from shared.terminal import Json, Url, asking, fail, show

app = typer.Typer(help="What waits to be delivered: look at it, hold, release, retry, bounce, reroute.")

Key = Annotated[
    str | None,
    typer.Option(
        envvar=["POSTHORN_API_KEY", "POSTHORN_OPERATOR_TOKEN"],
        help="a workspace's API key, or the operator's token",
    ),
]
Ids = Annotated[list[str] | None, typer.Argument(metavar="MESSAGE…", help="message ids", show_default=False)]
Workspace = Annotated[str | None, typer.Option(help="its mail alone (the operator)")]
Transport = Annotated[str | None, typer.Option(help="what was routed to this transport")]
Rollup = Annotated[str | None, typer.Option(help="what goes to these mail hosts")]
Domain = Annotated[str | None, typer.Option(help="what goes to this domain")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="return once it is done, or at once")]
Reason = Annotated[str, typer.Option(help="why; it stands in the messages' traces")]


@app.callback(invoke_without_command=True)
def queue(context: typer.Context, url: Url = "http://127.0.0.1:8080", key: Key = None, as_json: Json = False) -> None:
    """Show what waits, by lane, stage and destination."""
    if not key:
        fail("no key: give --key, POSTHORN_API_KEY or POSTHORN_OPERATOR_TOKEN", 2)
    context.obj = lambda: QueueClient(url, key)
    if context.invoked_subcommand is None:
        with asking(context.obj) as client:
            found = client.get()
        show(found, as_json, lambda: tables.summary(found))


@app.command("list")
def list_messages(
    context: typer.Context,
    workspace: Workspace = None,
    transport: Transport = None,
    rollup: Rollup = None,
    domain: Domain = None,
    lane: Annotated[str | None, typer.Option(help="critical or standard")] = None,
    state: Annotated[str | None, typer.Option(help=f"one of {', '.join(tables.STATES)}")] = None,
    recipient: Annotated[str | None, typer.Option(help="what goes to this address")] = None,
    hold: Annotated[str | None, typer.Option(help="what this hold holds")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 25,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the page before")] = None,
    as_json: Json = False,
) -> None:
    """List messages that wait."""
    with asking(context.obj) as client:
        found = client.get(
            "/messages", workspace=workspace, transport=transport, rollup=rollup, domain=domain, lane=lane,
            state=state, recipient=recipient, hold=hold, limit=limit, cursor=cursor,
        )  # fmt: skip
    show(found, as_json, lambda: [tables.messages(found)], found)


@app.command()
def destinations(
    context: typer.Context,
    workspace: Workspace = None,
    transport: Transport = None,
    rollup: Rollup = None,
    domain: Domain = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 25,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the page before")] = None,
    as_json: Json = False,
) -> None:
    """List the destinations that anything waits for."""
    with asking(context.obj) as client:
        found = client.get(
            "/destinations", workspace=workspace, transport=transport, rollup=rollup, domain=domain, limit=limit,
            cursor=cursor,
        )  # fmt: skip
    show(found, as_json, lambda: [tables.destinations(found)], found)


@app.command()
def holds(context: typer.Context, as_json: Json = False) -> None:
    """List the holds that are active, the oldest hundred."""
    with asking(context.obj) as client:
        found = client.get("/holds", limit=100)
    show(found, as_json, lambda: [tables.holds(found)], found)


@app.command()
def jobs(
    context: typer.Context,
    id: Annotated[str | None, typer.Argument(help="one job; none: the newest hundred", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Show what was asked to be done, and how far it has come."""
    with asking(context.obj) as client:
        found = client.get(f"/jobs/{id}") if id else client.get("/jobs", limit=100)
    show(found, as_json, lambda: [tables.jobs([found] if id else found["data"])])


@app.command()
def hold(
    context: typer.Context,
    reason: Reason,
    messages: Ids = None,
    workspace: Workspace = None,
    transport: Transport = None,
    rollup: Rollup = None,
    domain: Domain = None,
    until: Annotated[datetime | None, typer.Option(help="when it ends by itself (UTC)")] = None,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Attempt none of these messages, be they here or still to come, until they are released."""
    moment = until.replace(tzinfo=UTC).isoformat() if until else None
    body = _selected(messages, workspace, transport, rollup, domain) | {"reason": reason, "until": moment}
    _act(context, "hold", body, wait, as_json)


@app.command()
def release(
    context: typer.Context,
    messages: Ids = None,
    hold: Annotated[str | None, typer.Option(help="this hold, by its id")] = None,
    workspace: Workspace = None,
    transport: Transport = None,
    rollup: Rollup = None,
    domain: Domain = None,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Lift one hold, or those that name these messages."""
    body = _selected(messages, workspace, transport, rollup, domain) | {"hold": hold}
    _act(context, "release", body, wait, as_json)


@app.command()
def retry(
    context: typer.Context,
    messages: Ids = None,
    workspace: Workspace = None,
    transport: Transport = None,
    rollup: Rollup = None,
    domain: Domain = None,
    force: Annotated[
        bool, typer.Option("--force", help="destinations that are left alone, too (the operator)")
    ] = False,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Try what is deferred again now, whatever its schedule says."""
    body = _selected(messages, workspace, transport, rollup, domain) | {"force": force}
    _act(context, "retry", body, wait, as_json)


@app.command()
def bounce(
    context: typer.Context,
    reason: Reason,
    messages: Ids = None,
    workspace: Workspace = None,
    transport: Transport = None,
    rollup: Rollup = None,
    domain: Domain = None,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """End messages as failed."""
    body = _selected(messages, workspace, transport, rollup, domain) | {"reason": reason}
    _act(context, "bounce", body, wait, as_json)


@app.command()
def reroute(
    context: typer.Context,
    messages: Ids = None,
    to: Annotated[str | None, typer.Option(help="the transport to take; none: any but the present one")] = None,
    workspace: Workspace = None,
    transport: Transport = None,
    rollup: Rollup = None,
    domain: Domain = None,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """Send messages another way, now."""
    body = _selected(messages, workspace, transport, rollup, domain) | {"to": to}
    _act(context, "reroute", body, wait, as_json)


def _selected(
    messages: list[str] | None, workspace: str | None, transport: str | None, rollup: str | None, domain: str | None
) -> dict[str, Any]:
    return {
        "messages": messages, "workspace": workspace, "transport": transport, "rollup": rollup, "domain": domain,
    }  # fmt: skip


def _act(context: typer.Context, action: str, body: dict[str, Any], wait: bool, as_json: bool) -> None:
    with asking(context.obj) as client:
        job = client.act(action, body, wait=wait)
    show(job, as_json, lambda: [tables.jobs([job])])
