"""Ingest as a process of its own that dies at moments of a test's choice, and callers who try until they are heard."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import ssl
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, TypeVar

import aiohttp

from shared.failpoints import VARIABLE
from tests.fixtures.deployment import Deployment
from tests.integration.ingest.smtp_door import HOST, MAIL, RCPT, SmtpDoor, Talk

T = TypeVar("T")
SEED = int(os.environ.get("POSTHORN_TEST_SEED", "20261121"))
AGAIN = (409, 503)
PAUSES = (0.2, 0.5, 1.0, 2.0)
START_SECONDS, REACH_SECONDS = 120, 30


@dataclass(frozen=True)
class Death:
    """How a process ends: by itself where it reaches a failpoint, else from outside so many seconds after it serves."""

    failpoint: str | None = None
    seconds: float = 0

    def __str__(self) -> str:
        return self.failpoint or f"after {self.seconds:.2f} s"


def deaths(count: int, failpoints: Sequence[str]) -> list[list[Death]]:
    """Lives of two deaths each, the same for the same seed."""
    rng = random.Random(SEED)
    drawn = [Death(seconds=rng.uniform(0, 0.6)) for _ in range(count)]
    drawn += [Death(f"{name}=kill@{number}") for name in failpoints for number in (1, 2)]
    rng.shuffle(drawn)
    return [drawn[place : place + 2] for place in range(0, len(drawn), 2)]


@dataclass
class Killed:
    """`posthorn run` with the settings of a deployment, always at the same ports. `reached` are the deaths that it died
    by itself."""

    deployment: Deployment
    spec: str
    port: int
    settings: dict[str, Any]
    reached: list[Death] = field(default_factory=list, init=False)
    _process: Process | None = field(default=None, init=False)

    async def start(self, failpoint: str | None = None) -> None:
        """Starts the process and waits until it serves, or has died already."""
        given = {**self.deployment.environment, **self.settings}
        environ = {name: value for name, value in os.environ.items() if not name.startswith("POSTHORN_")}
        environ |= {f"POSTHORN_{name.upper()}": str(value) for name, value in given.items()}
        environ |= {VARIABLE: failpoint} if failpoint else {}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.cli", "run", self.spec, env=environ, stdout=DEVNULL
        )

        await self._serves(self._process)

    async def die(self, death: Death) -> None:
        """Ends the process; a failpoint that it does not reach is waited for in vain."""
        assert self._process is not None
        try:
            async with asyncio.timeout(REACH_SECONDS if death.failpoint else death.seconds):
                await self._process.wait()
            self.reached.append(death)
        except TimeoutError:
            with suppress(ProcessLookupError):  # it has died in this moment
                self._process.kill()
        assert await self._process.wait() == -signal.SIGKILL

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _serves(self, process: Process) -> None:
        async with asyncio.timeout(START_SECONDS):
            while process.returncode is None:
                try:
                    _, writer = await asyncio.open_connection(HOST, self.port)
                except OSError:
                    await asyncio.sleep(0.01)
                    continue
                writer.close()
                return


async def until_heard(attempt: Callable[[], Awaitable[T | None]]) -> T:
    """What the first attempt gives that gets an answer."""
    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        heard = await attempt()
        if heard is not None:
            return heard
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))
    raise AssertionError


@dataclass(frozen=True)
class Heard:
    """A reply's body, and whether it says that it was given before."""

    body: bytes
    replayed: bool


async def posted(http: aiohttp.ClientSession, path: str, body: Any, key: str) -> Heard | None:
    """One try; None where the process is away, or says that it cannot tell yet."""
    try:
        async with http.post(path, json=body, headers={"Idempotency-Key": key}) as reply:
            text = await reply.read()
    except (aiohttp.ClientError, OSError):
        return None
    if reply.status in AGAIN:
        return None
    assert reply.status in (200, 202), text
    return Heard(text, reply.headers.get("Idempotency-Replayed") == "true")


async def submitted(smtp: SmtpDoor, tls: ssl.SSLContext, key: str, content: bytes) -> str | None:
    """One try over SMTP; the reply to the message."""
    talk = Talk(smtp)
    try:
        said = await talk.open(smtp.tls_port, tls)
    except OSError:
        return None
    try:
        for command in ("EHLO client.test", None, MAIL, RCPT, "DATA", content + b"."):
            if said[:1] not in ("2", "3"):
                break
            said = await _next(talk, command, key)
    except OSError:
        return None
    finally:
        talk.close()
    assert said[:1] in ("", "2", "4"), talk.said
    return talk.said if said == "250 2.0.0" else None


async def _next(talk: Talk, command: str | bytes | None, key: str) -> str:
    if command is None:
        return await talk.login(key)
    return await talk.ask(command if isinstance(command, str) else command.decode())
