"""Processes that outlive the command that started them, found again by pid file, never mistaking a recycled pid."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import StartError

POLL_SECONDS = 0.05
LOG_BYTES = 50_000_000  # a longer log is set aside at the next start


@dataclass(frozen=True)
class ProcessIdentity:
    """A pid and the moment it was given out; together they name one process for all time."""

    pid: int
    started: str
    started_at: float


def start_mark(pid: int) -> str | None:
    """The boot and clock tick (elsewhere: the date) at which `pid` started; None if it does not run or is a zombie."""
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None if Path("/proc/self").exists() else _start_mark_from_ps(pid)
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX" and _threads(pid) <= 1:
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{fields[19]}"


def _threads(pid: int) -> int:
    """A killed process is a zombie at once, but holds its ports until its last thread is gone."""
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    except OSError:
        return 0


def _start_mark_from_ps(pid: int) -> str | None:
    shown = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    state, _, started = shown.partition(" ")
    return started.strip() if started and not state.startswith("Z") else None


class DetachedProcess:
    """One named process in its own session, with `run/NAME.pid` and `logs/NAME.log` below `home`."""

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        self.pid_file = home / "run" / f"{name}.pid"
        self.log_file = home / "logs" / f"{name}.log"

    def identity(self) -> ProcessIdentity | None:
        """The running process, or None if it never ran, ended, or its pid now belongs to somebody else."""
        recorded = self._recorded()
        return recorded if recorded and start_mark(recorded.pid) == recorded.started else None

    def start(self, command: Sequence[str], env: Mapping[str, str], cwd: Path | None = None) -> ProcessIdentity:
        """Start `command` detached; both of its streams are appended to the log. Raises StartError if it cannot run."""
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        with self.log_file.open("ab") as log:
            try:
                child = subprocess.Popen(
                    command, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise StartError(f"{self.name}: {command[0]} cannot be run: {error}") from error
        identity = ProcessIdentity(child.pid, start_mark(child.pid) or "ended", time.time())
        child.returncode = 0  # detached on purpose: keeps Popen from warning that the child still runs
        unfinished = self.pid_file.with_suffix(".new")
        unfinished.write_text(json.dumps(vars(identity)))
        unfinished.replace(self.pid_file)
        return identity

    def signal(self, number: int) -> bool:
        """Send a signal to the process alone; False if it does not run."""
        identity = self.identity()
        if identity is None:
            return False
        try:
            os.kill(identity.pid, number)
        except ProcessLookupError:
            return False
        return True

    def stop(self, grace: float) -> None:
        """SIGTERM, up to `grace` seconds to end, then SIGKILL to whatever is left of its process group."""
        recorded = self._recorded()
        if recorded is None:
            return
        if self.signal(signal.SIGTERM):
            self.signal(signal.SIGCONT)  # a process that a test has halted could not end
            self.wait_ended(grace)
        self._kill_group(recorded)
        self.wait_ended(10)
        self.pid_file.unlink(missing_ok=True)

    def wait_ended(self, seconds: float) -> bool:
        """True as soon as the process has ended; False if it still runs after `seconds`."""
        return wait_until(lambda: self.identity() is None, seconds)

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of the log; "" if there is none."""
        try:
            with self.log_file.open("rb") as log:
                log.seek(max(0, self.log_file.stat().st_size - 400 * lines))
                return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def _recorded(self) -> ProcessIdentity | None:
        try:
            return ProcessIdentity(**json.loads(self.pid_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _kill_group(self, recorded: ProcessIdentity) -> None:
        # A group keeps its number while it has members, so it can only be another's when another process leads it.
        leader = start_mark(recorded.pid)
        if leader in (None, recorded.started):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(recorded.pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll `condition` until it is true; False if it still is not after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
