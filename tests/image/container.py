"""A process in the image as an engine would run it: its own mounts and process ids, a read-only root, no capabilities.

The network is this machine's, so that it reaches the test run's servers.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fixtures.deployment import eventually

SECRETS = "/mnt"
NOBODY_ELSE = (10001, 10001)
# The first process of the container is what is run, as with an engine.
ENTERED = """
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$ROOT/tmp"
mount --bind "$KEYS" "$ROOT/mnt"
mount -o remount,bind,ro "$ROOT"
exec chroot "$ROOT" setpriv --reuid="$USER_ID" --regid="$GROUP_ID" --clear-groups --no-new-privs \
  --inh-caps=-all --bounding-set=-all env -i -C "$FOLDER" "$@"
"""


@dataclass(frozen=True)
class Image:
    """The files of an image, its configuration (`Env`, `Entrypoint`, `Cmd`, `User`, …) and its history."""

    root: Path
    config: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    layers: Sequence[Path]

    def command(
        self, arguments: Sequence[str], keys: Path, settings: Mapping[str, str], user: tuple[int, int]
    ) -> tuple[list[str], dict[str, str]]:
        """What runs `arguments` with the image's environment and those settings, and that command's own environment."""
        variables = [*self.config["Env"], *(f"{name}={value}" for name, value in settings.items())]
        entered = {
            "PATH": os.environ["PATH"], "ROOT": str(self.root), "KEYS": str(keys), "USER_ID": str(user[0]),
            "GROUP_ID": str(user[1]), "FOLDER": self.config["WorkingDir"],
        }  # fmt: skip
        new = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", ENTERED, "sh"]
        return [*new, *variables, *arguments], entered

    def run(
        self, *arguments: str, keys: Path, user: tuple[int, int] = NOBODY_ELSE, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end; `arguments` are all of it."""
        command, environ = self.command(arguments, keys, settings, user)
        return subprocess.run(command, env=environ, capture_output=True, text=True)

    def posthorn(self, *arguments: str, keys: Path, user: tuple[int, int] = NOBODY_ELSE, **settings: str) -> str:
        """The standard output of the entry point with `arguments`, which has to succeed."""
        done = self.run(*self.config["Entrypoint"], *arguments, keys=keys, user=user, **settings)
        assert done.returncode == 0, f"posthorn {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    @asynccontextmanager
    async def running(self, *arguments: str, keys: Path, log: Path, **settings: str) -> AsyncIterator[int]:
        """The entry point with `arguments` in the background, as the pid that this machine knows it by.

        At the end it is asked to stop by SIGTERM and has to do so with code 0.
        """
        command, environ = self.command([*self.config["Entrypoint"], *arguments], keys, settings, NOBODY_ELSE)
        with log.open("wb") as output:
            outer = await asyncio.create_subprocess_exec(*command, env=environ, stdout=output, stderr=output)
        try:
            yield await _first_process(outer.pid)
        except BaseException:
            outer.kill()
            await outer.wait()
            raise
        os.kill(await _first_process(outer.pid), signal.SIGTERM)
        assert await outer.wait() == 0, f"see {log}"


def proc(pid: int, name: str) -> str:
    """A file of proc(5) about a process."""
    return Path(f"/proc/{pid}/{name}").read_text()


async def _first_process(outer: int) -> int:
    """The child of `unshare`, which is the first process of its own process ids."""

    async def born() -> list[str]:
        return proc(outer, f"task/{outer}/children").split()

    return int((await eventually(born, what="a first process"))[0])
