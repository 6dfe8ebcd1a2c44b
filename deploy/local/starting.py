"""How the parts of a stack are started and stopped, several at a time."""

import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local.errors import StartError
from deploy.local.install import CHECKOUT, Say
from deploy.local.parts import Part, wait_ready

SET_UP_SECONDS = 120


def start_together(parts: Iterable[Part], say: Say) -> None:
    """Start those that do not run, then wait until all are ready. Raises StartError for the first that is not."""
    parts = list(parts)
    for part in parts:
        if part.process.identity() is None:
            say(f"starting {part.name}")
            part.start(say)
    for part in parts:
        began = time.monotonic()
        wait_ready(part)
        seconds = time.monotonic() - began
        say(f"{part.name} is ready" + (f" ({seconds:.1f} s)" if seconds > 0.5 else ""))


def stop_together(parts: Iterable[Part], say: Say) -> None:
    """Stop those that run, all at the same time; returns when none is left."""
    running = [part for part in parts if part.process.pid_file.exists()]
    if running:
        say(f"stopping {', '.join(part.name for part in running)}")
        with ThreadPoolExecutor(len(running)) as pool:
            list(pool.map(lambda part: part.process.stop(part.stop_seconds), running))


def run_set_up(commands: Sequence[Sequence[str]], environ: Mapping[str, str], log_file: Path, say: Say) -> None:
    """Run Python with each of `commands`, all at the same time. Raises StartError when one fails or takes too long."""
    say("creating topics and indexes")
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("w") as log:
        running = [
            subprocess.Popen([sys.executable, *command], env=environ, cwd=CHECKOUT, stdout=log, stderr=log)
            for command in commands
        ]
        try:
            codes = [process.wait(SET_UP_SECONDS) for process in running]
        except subprocess.TimeoutExpired:
            raise StartError(f"set-up is not done after {SET_UP_SECONDS} s", _tail(log_file)) from None
        finally:
            for process in running:
                process.kill()
                process.wait()
    for command, code in zip(commands, codes, strict=True):
        if code:
            raise StartError(f"{' '.join(command)} ended with code {code}", _tail(log_file))


def _tail(log_file: Path, lines: int = 20) -> str:
    return "\n".join(log_file.read_text(errors="replace").splitlines()[-lines:])
