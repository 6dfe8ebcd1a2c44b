"""`posthorn bounce`: what a reply would be taken for."""

from __future__ import annotations

import json
from typing import Annotated, NoReturn

import typer

from services.sender.smtp.outcomes import Stage

app = typer.Typer(help="Bounces: what the replies of other servers mean.", no_args_is_help=True)


@app.callback()
def bounce() -> None:
    """Keeps `classify` a command of its own, as the only one there is."""


@app.command()
def classify(
    text: Annotated[str, typer.Argument(metavar="REPLY", help='the reply as the server sent it, "550 5.1.1 unknown"')],
    stage: Annotated[Stage, typer.Option(help="where in the conversation it was said")] = Stage.RCPT,
    provider: Annotated[str, typer.Option(help="the destination's rollup, such as google")] = "",
    relayed: Annotated[bool, typer.Option("--smarthost", help="a smart host said it")] = False,
    file: Annotated[
        str | None, typer.Option("--rules", envvar="POSTHORN_BOUNCE_RULES_FILE", help="a file of rules of your own")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object instead of lines")] = False,
) -> None:
    """Say what a reply of a mail server would be taken for, and why. Needs no server."""
    from services.sender.bounces.classification import classification
    from services.sender.bounces.live import Rules
    from services.sender.bounces.loader import BounceRulesError
    from services.sender.smtp.replies import MalformedReplyError, reply_of

    try:
        reply = reply_of(text)
        rules = Rules(file)
    except MalformedReplyError as error:
        _fail(f"{text!r} is no SMTP reply ({error}); one begins with its code of three digits, 200 to 599")
    except BounceRulesError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{file}: {error.strerror}")
    if reply.code < 400 and not reply.positive:
        _fail(f"{reply.code} asks for more: it neither accepts nor refuses a message")
    if reply.positive and stage is not Stage.DOT:
        _fail(f"{reply.code} at {stage} is no end: a message is accepted by the reply to its final dot (--stage dot)")
    data = classification(reply, stage, provider, relayed, rules).to_data()
    if as_json:
        typer.echo(json.dumps(data))
        return
    for name, value in data.items():
        shown = {True: "yes", False: "no", None: "none"}.get(value, value)
        typer.echo(f"{name:>10}  {shown}")


def _fail(text: str) -> NoReturn:
    typer.echo(f"posthorn: {text}", err=True)
    raise typer.Exit(2)
