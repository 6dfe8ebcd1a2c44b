"""One message from the request to the webhook, shown: `make demo`, on a stack that runs.

Every step is checked; the first that is wrong ends the demo with one line and exit code 1.
"""

import json
import os
import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from email import message_from_string
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import httpx
from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table
from standardwebhooks import Webhook, WebhookVerificationError

from deploy.local.dkim_check import dkim_verifies
from deploy.local.environment import default_home, read_env
from deploy.local.stack import Stack

T = TypeVar("T")
SECONDS = 30.0
SHOWN_STEPS = ("transport", "rollup", "verdict", "host", "reply", "status")
console = Console(highlight=False, emoji=False, soft_wrap=True)


def main() -> None:
    if missing := [part.name for part in Stack(default_home()).status() if part.state not in ("ready", "external")]:
        fail(f"not everything runs ({', '.join(missing)}); run `make up` first")
    environ = read_env(default_home() / "env")
    home = bootstrap(environ)
    name = f"demo-{secrets.token_hex(3)}"
    recipient = f"{name}@sink.test"
    request = {
        "from": home["sender"],
        "to": [recipient],
        "subject": "Your sign-in code",
        "text": "Your code is 482910.",
        "stream": "authentication",
    }
    key = {"Authorization": f"Bearer {home['api_key']}"}
    with httpx.Client(base_url=home["base_url"], headers=key, timeout=10) as api:
        endpoint = {"url": f"{home['receiver_url']}/hooks/{name}", "events": ["email.delivered"]}
        hook = answered(api.post("/v1/webhooks", json=endpoint), 201)
        message_id = answered(api.post("/v1/emails", json=request), 202)["data"]["messages"][0]["uuid"]
        raw = until("the message at the mail server", lambda: first(home["sink_url"], "/messages", recipient=recipient))
        webhook = until("its webhook", lambda: first(home["receiver_url"], "/received", name=name))
        timeline = until("the webhook in its timeline", lambda: whole_timeline(api, message_id))
    show_message(raw["raw"], environ["POSTHORN_LOCAL_DNS"])
    show_webhook(webhook, hook["secret"])
    show_timeline(timeline)
    show_curl(home, request)


def bootstrap(environ: dict[str, str]) -> dict[str, Any]:
    """Runs `posthorn bootstrap` as a user does."""
    sender = f"Posthorn Demo <no-reply@demo-{secrets.token_hex(3)}.example>"
    command = [str(Path(sys.executable).with_name("posthorn")), "bootstrap", "demo", "--sender", sender, "--json"]
    with console.status("posthorn bootstrap: a workspace, an API key and a signing sender …"):
        done = subprocess.run(command, env=os.environ | environ, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        fail("`posthorn bootstrap` did not work; see above")
    return dict(json.loads(done.stdout))


def answered(reply: httpx.Response, status: int) -> dict[str, Any]:
    """The JSON of a reply that has the status it should have."""
    if reply.status_code != status:
        fail(f"{reply.request.method} {reply.request.url.path} answered {reply.status_code}: {reply.text[:500]}")
    return dict(reply.json())


def first(base: str, path: str, **query: str) -> dict[str, Any] | None:
    """The newest of what the sink or the receiver holds."""
    found = httpx.get(f"{base}{path}", params=query).json()
    return found[0] if found else None


def whole_timeline(api: httpx.Client, message_id: str) -> list[dict[str, Any]] | None:
    timeline = list(answered(api.get(f"/v1/emails/{message_id}/trace"), 200)["data"])
    return timeline if any(entry["step"] == "webhook" for entry in timeline) else None


def until(what: str, look: Callable[[], T | None]) -> T:
    """What `look` finds, as soon as it finds it."""
    end = time.monotonic() + SECONDS
    with console.status(f"waiting for {what} …"):
        while (found := look()) is None:
            if time.monotonic() > end:
                fail(f"{what} did not come within {SECONDS:.0f} s; `posthorn status` and `posthorn logs` tell more")
            time.sleep(0.1)
    return found


def show_message(raw: str, nameserver: str) -> None:
    if not dkim_verifies(raw.encode(), nameserver):
        fail("the DKIM signature of the delivered message does not verify")
    console.print(Rule("[bold]what arrived[/]  [green]✓ DKIM verified by dkimpy[/]", align="left"))
    for header, text in message_from_string(raw).items():
        unfolded = " ".join(text.split())
        console.print(f"[cyan]{header}:[/] {escape(unfolded)}")


def show_webhook(webhook: dict[str, Any], secret: str) -> None:
    try:
        Webhook(secret).verify(webhook["body"], webhook["headers"])
    except WebhookVerificationError as error:
        fail(f"the webhook's signature does not verify: {error}")
    console.print(Rule("[bold]the webhook[/]  [green]✓ verified by standardwebhooks[/]", align="left"))
    for header in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        console.print(f"[cyan]{header}:[/] {webhook['headers'][header]}")
    console.print_json(webhook["body"])


def show_timeline(timeline: list[dict[str, Any]]) -> None:
    console.print(Rule(f"[bold]the timeline[/]  {timeline[-1]['ms']} ms from request to webhook", align="left"))
    table = Table("step", "after", "took", "what", box=None, pad_edge=False)
    for entry in timeline:
        what = "  ".join(f"[dim]{name}[/] {escape(str(entry[name]))}" for name in SHOWN_STEPS if name in entry)
        table.add_row(f"[cyan]{entry['step']}[/]", f"{entry['ms']} ms", f"{entry['ms_since_previous']} ms", what)
    console.print(table)


def show_curl(home: dict[str, Any], request: dict[str, Any]) -> None:
    console.print(Rule("[bold]do it again[/]", align="left"))
    lines = [
        f"curl {home['base_url']}/v1/emails",
        f"-H 'Authorization: Bearer {home['api_key']}'",
        "-H 'Content-Type: application/json'",
        f"-d {shlex.quote(json.dumps(request))}",
    ]
    console.print(escape(" \\\n  ".join(lines)))


def fail(text: str) -> NoReturn:
    Console(stderr=True).print(f"demo: {text}", style="red", markup=False, highlight=False, soft_wrap=True)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
