"""The command: what is to be looked at, and how the findings are shown."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer
from pydantic import ValidationError

from services.doctor.catalogue import TITLES, WELL_KNOWN_HOSTS
from services.doctor.findings import Finding, Result
from shared.terminal import fail

ENV = "POSTHORN_DOCTOR_"
NAMES = ", ".join(TITLES)
WIDTH = 14


def doctor(
    smtp_door: Annotated[
        str | None, typer.Option(envvar=f"{ENV}SMTP_DOOR", help="host[:port] of the SMTP door as clients reach it")
    ] = None,
    return_door: Annotated[
        str | None, typer.Option(envvar=f"{ENV}RETURN_DOOR", help="host[:port] of the return door as mail hosts do")
    ] = None,
    mail_host: Annotated[
        list[str] | None, typer.Option(help="host[:port] to dial instead of large providers'; may be given again")
    ] = None,
    health: Annotated[
        list[str] | None,
        typer.Option(envvar=f"{ENV}HEALTH", help="URL of a process's health port; may be given again"),
    ] = None,
    ntp: Annotated[str, typer.Option(help="time server to ask; empty: none")] = "pool.ntp.org",
    ca_file: Annotated[
        Path | None, typer.Option(help="further authorities (PEM) that clients of the doors know")
    ] = None,
    skip: Annotated[list[str] | None, typer.Option(help=f"a check to leave out: {NAMES}")] = None,
    timeout: Annotated[float, typer.Option(min=0.5, help="seconds that one look may take")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document")] = False,
) -> None:
    """Check this deployment: DNS names and records, TLS, the way out, Kafka, MongoDB, clocks and keys.

    Each finding comes with what mends it. Exit code 1 where anything fails. It reads the services' own settings and
    changes nothing.
    """
    from services.doctor.examination import examine
    from services.doctor.options import Options
    from services.ingest.settings import Settings as IngestSettings
    from services.sender.settings import Settings as SenderSettings
    from shared.settings import SharedSettings
    from shared.telemetry.logging import setup_logging

    left_out = set(skip or ())
    if unknown := left_out - TITLES.keys():
        fail(f"no such check: {', '.join(sorted(unknown))}; there are {NAMES}", 2)
    setup_logging("doctor")  # our own words may not stand on the standard output
    logging.disable(logging.CRITICAL)  # clients' own words about what does not answer; the findings say it
    try:
        options = Options(
            SharedSettings(),
            IngestSettings(),
            SenderSettings(),
            seconds=timeout,
            smtp_door=smtp_door,
            return_door=return_door,
            mail_hosts=tuple(mail_host or WELL_KNOWN_HOSTS),
            ntp_server=ntp or None,
            health_urls=tuple(health or ()),
            ca_file=ca_file,
        )
    except ValidationError as error:
        results = [Result("settings", tuple(settings_findings(error)))]
    else:
        results = asyncio.run(examine(options, left_out))
    finally:
        logging.disable(logging.NOTSET)
    shown = [asdict(each) | {"ok": not each.failed} for each in results]
    if as_json:
        typer.echo(orjson.dumps({"ok": not any(each.failed for each in results), "checks": shown}).decode())
    else:
        for result in results:
            for line in lines_of(result):
                typer.echo(line)
    if any(each.failed for each in results):
        raise typer.Exit(1)


def settings_findings(error: ValidationError) -> list[Finding]:
    """Settings that are missing or wrong; without them nothing else can be looked at. Their values are not shown."""
    return [
        Finding(
            f"POSTHORN_{'_'.join(map(str, fault['loc'])).upper()}" if fault["loc"] else "the settings",
            fault["msg"],
            "Set it in the environment, as settings.md says.",
        )
        for fault in error.errors(include_input=False)
    ]


def lines_of(result: Result) -> list[str]:
    """A check as lines of text."""
    if result.skipped:
        return [f"{'skip':<6}{result.check:<{WIDTH}}{result.skipped}"]
    if not result.findings:
        return [f"{'ok':<6}{result.check:<{WIDTH}}{TITLES[result.check]}"]
    lines = []
    for each in result.findings:
        lines.append(f"{each.level:<6}{result.check:<{WIDTH}}{each.subject}: {each.problem}")
        lines.append(f"{'':<{WIDTH + 6}}{each.fix}")
    return lines
