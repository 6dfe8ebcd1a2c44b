"""Dials mail hosts and reads their greetings; says nothing but QUIT."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from services.doctor.checks.egress import Dialled
from services.doctor.options import Options, place

SMTP_PORT = 25
LONGEST = 512


async def gather(options: Options) -> list[Dialled]:
    return list(await asyncio.gather(*(_dial(host, options.seconds) for host in options.mail_hosts)))


async def _dial(name: str, seconds: float) -> Dialled:
    host, port = place(name, SMTP_PORT)
    try:
        async with asyncio.timeout(seconds * 0.9):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                line = (await reader.readline())[:LONGEST].decode("utf-8", "replace").strip()
                writer.write(b"QUIT\r\n")
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except TimeoutError:
        return Dialled(name, failure="it did not answer in time")
    except (OSError, ValueError) as error:
        return Dialled(name, failure=getattr(error, "strerror", None) or type(error).__name__)
    return Dialled(name, line) if line else Dialled(name, failure="it hung up without a word")
