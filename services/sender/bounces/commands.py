"""`posthorn bounce`: what a reply would be taken for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

import typer

from services.sender.bounces.live import Rules
from services.sender.bounces.loader import BounceRulesError
from services.sender.retry import RetrySchedule, in_words
from services.sender.smtp.outcomes import Ambiguous, Bounced, Deferred, Outcome, Stage
from services.sender.smtp.replies import MalformedReplyError, Reply, reply_of
from services.sender.smtp.verdicts import outcome_of

app = typer.Typer(help="Bounces: what the replies of other servers mean.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Classification:
    """What becomes of a message after a reply. `retry` says in words when it is tried again."""

    outcome: Outcome
    retry: str

    def to_data(self) -> dict[str, Any]:
        outcome = self.outcome
        return {
            "outcome": str(outcome.type),
            "class": outcome.class_ and str(outcome.class_),
            "rule": outcome.rule,
            "hard": outcome.hard,
            "retry": self.retry,
            "suppresses": isinstance(outcome, Bounced) and outcome.suppresses,
        }


def classification(reply: Reply, stage: Stage, provider: str, relayed: bool, rules: Rules) -> Classification:
    """Pure: the verdict that the sender would come to."""
    outcome = outcome_of(stage, reply, relayed=relayed, rollup=provider, rules=rules.book)
    retry = "no"
    if isinstance(outcome, Deferred | Ambiguous):
        retry = in_words(RetrySchedule(), outcome)
    return Classification(outcome, retry)


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
