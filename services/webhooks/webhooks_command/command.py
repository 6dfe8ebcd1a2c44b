"""`posthorn webhooks`: the endpoints of a workspace, what was posted to them, and doing it again, through the API."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from services.webhooks.webhooks_command import tables
from shared.api_client import ApiClient
from shared.terminal import Json, Url, asking, fail, show

PATH = "/v1/webhooks"
POLL_SECONDS = 0.3
STATES = "pending, processing, retrying, succeeded, failed or canceled"

app = typer.Typer(help="Webhooks: endpoints, their deliveries, and posting them again.", no_args_is_help=True)

Key = Annotated[str | None, typer.Option(envvar="POSTHORN_API_KEY", help="a workspace's API key")]
Endpoint = Annotated[str, typer.Argument(help="the endpoint's id")]
Cursor = Annotated[str | None, typer.Option(help="next_cursor of the page before")]
Limit = Annotated[int, typer.Option(min=1, max=100)]
Events = Annotated[list[str] | None, typer.Option("--event", help="this type alone; may be given again")]
Since = Annotated[datetime, typer.Option(help="from then on (UTC)")]
Follow = Annotated[bool, typer.Option("--wait/--no-wait", help="return once it has ended, or at once")]


@app.callback()
def webhooks(context: typer.Context, url: Url = "http://127.0.0.1:8080", key: Key = None) -> None:
    """What every command needs."""
    if not key:
        fail("no key: give --key or POSTHORN_API_KEY", 2)
    context.obj = lambda: ApiClient(url, key)


@app.command("list")
def list_endpoints(context: typer.Context, limit: Limit = 50, cursor: Cursor = None, as_json: Json = False) -> None:
    """List the endpoints, oldest first."""
    found = _ask(context, "GET", "", query={"limit": limit, "cursor": cursor})
    show(found, as_json, lambda: [tables.endpoints(found["data"])], found)


@app.command("test")
def try_endpoint(
    context: typer.Context,
    endpoint: Endpoint,
    wait: Annotated[float, typer.Option(min=0, max=20, help="seconds to wait for the first attempt")] = 10,
    as_json: Json = False,
) -> None:
    """Post a test event to an endpoint, and show what came of it."""
    found = _ask(context, "POST", f"/{endpoint}/test", query={"wait": wait})
    show(found, as_json, lambda: tables.delivery(found))


@app.command()
def deliveries(
    context: typer.Context,
    endpoint: Annotated[str | None, typer.Argument(help="an endpoint's id; none: all", show_default=False)] = None,
    delivery: Annotated[
        str | None, typer.Argument(help="one delivery of it, with its attempts", show_default=False)
    ] = None,
    state: Annotated[str | None, typer.Option(help=STATES)] = None,
    event: Annotated[str | None, typer.Option(help="a type")] = None,
    message: Annotated[str | None, typer.Option(help="a message's id")] = None,
    since: Annotated[datetime | None, typer.Option(help="made then or later (UTC)")] = None,
    until: Annotated[datetime | None, typer.Option(help="made before then (UTC)")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """List deliveries, newest first, or show one."""
    if delivery is not None:
        one = _ask(context, "GET", f"/{endpoint}/deliveries/{delivery}")
        show(one, as_json, lambda: tables.delivery(one))
        return
    query = {
        "endpoint": endpoint, "state": state, "event": event, "message": message, "since": _moment(since),
        "until": _moment(until), "limit": limit, "cursor": cursor,
    }  # fmt: skip
    found = _ask(context, "GET", "/deliveries", query=query)
    show(found, as_json, lambda: [tables.deliveries(found["data"])], found)


@app.command()
def retry(
    context: typer.Context,
    endpoint: Endpoint,
    delivery: Annotated[str, typer.Argument(help="the delivery's id")],
    as_json: Json = False,
) -> None:
    """Post a delivery again now that failed, was canceled or waits."""
    found = _ask(context, "POST", f"/{endpoint}/deliveries/{delivery}/retry")
    show(found, as_json, lambda: [tables.deliveries([found])])


@app.command()
def replay(
    context: typer.Context,
    endpoint: Endpoint,
    since: Since,
    until: Annotated[datetime | None, typer.Option(help="to before then (UTC); none: now")] = None,
    everything: Annotated[bool, typer.Option("--all", help="what succeeded, too")] = False,
    event: Events = None,
    wait: Follow = True,
    as_json: Json = False,
) -> None:
    """Post the deliveries of a time again that failed or were canceled."""
    body = {"since": _moment(since), "states": "all" if everything else "failed", "events": event or []}
    _follow(context, endpoint, "replay", body | ({"until": _moment(until)} if until else {}), wait, as_json)


@app.command()
def backfill(
    context: typer.Context,
    endpoint: Endpoint,
    since: Since,
    event: Events = None,
    wait: Follow = True,
    as_json: Json = False,
) -> None:
    """Post what occurred before an endpoint was there, or asked for it: up to seven days back."""
    _follow(context, endpoint, "backfill", {"since": _moment(since), "events": event or []}, wait, as_json)


def _follow(context: typer.Context, endpoint: str, kind: str, body: dict[str, Any], wait: bool, as_json: bool) -> None:
    task = _ask(context, "POST", f"/{endpoint}/{kind}", body)
    while wait and task["state"] == "running":
        time.sleep(POLL_SECONDS)
        task = _ask(context, "GET", f"/{endpoint}/{kind}s/{task['id']}")
    show(task, as_json, lambda: [tables.tasks([task])])


def _ask(
    context: typer.Context,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    query: dict[str, Any] | None = None,
) -> Any:
    with asking(context.obj) as client:
        return client.ask(method, f"{PATH}{path}", body, query)


def _moment(given: datetime | None) -> str | None:
    return given.replace(tzinfo=UTC).isoformat() if given else None
