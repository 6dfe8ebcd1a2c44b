"""`posthorn reseal`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table


def reseal(
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document instead of a table")] = False,
) -> None:
    """Seal with POSTHORN_ENCRYPTION_KEY what one of POSTHORN_OTHER_ENCRYPTION_KEYS has sealed, while all goes on."""
    from services.commands import told
    from services.resealing.store import Resealed
    from services.resealing.store import reseal as run
    from shared.mongo.client import make_client
    from shared.settings import SharedSettings
    from shared.telemetry.logging import setup_logging

    setup_logging("reseal", "WARNING")

    async def sealed(settings: SharedSettings) -> list[Resealed]:
        client = make_client(settings)
        try:
            return await run(client, settings)
        finally:
            client.close()

    with told():
        found = asyncio.run(sealed(SharedSettings()))
    if as_json:
        typer.echo(orjson.dumps([asdict(each) for each in found]).decode())
    else:
        table = Table("", "sealed again", "sealed already", "opened by no key")
        for each in found:
            table.add_row(each.place, str(each.again), str(each.present), str(each.closed))
        Console().print(table)
    if any(each.closed for each in found):
        raise typer.Exit(1)
