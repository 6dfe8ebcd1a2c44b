"""What processes use: CPU seconds and peak memory, from /proc (proc(5)), and of a whole family from a cgroup."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
CPU_GROUPS = Path("/sys/fs/cgroup/cpuacct")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mib(pid: int) -> float:
    """The most memory that was resident since the process began, or since `forget_peak`."""
    return _memory_mib(pid, "VmHWM")


def resident_mib(pid: int) -> float:
    return _memory_mib(pid, "VmRSS")


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _memory_mib(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024


@dataclass(frozen=True)
class Meter:
    """The CPU time that each of some processes has used since the meter was made."""

    pids: Mapping[str, int]
    began: Mapping[str, float]

    @classmethod
    def of(cls, pids: Mapping[str, int]) -> Meter:
        return cls(pids, {name: cpu_seconds(pid) for name, pid in pids.items()})

    def per_thousand(self, messages: int) -> dict[str, float]:
        """CPU seconds per 1,000 messages, by name."""
        used = {name: cpu_seconds(pid) - self.began[name] for name, pid in self.pids.items()}
        return {name: round(seconds / messages * 1000, 3) for name, seconds in used.items()}

    def peaks(self) -> dict[str, float]:
        """Peak memory in MiB, by name."""
        return {name: round(peak_mib(pid)) for name, pid in self.pids.items()}


class CpuGroup:
    """The CPU time of every process that is started in it, exited ones too; unknown where there are no v1 cgroups."""

    def __init__(self, name: str) -> None:
        self._folder = CPU_GROUPS / f"{name}-{os.getpid()}"
        try:
            self._folder.mkdir()
            self.known = True
        except OSError:
            self.known = False

    def enter(self) -> None:
        """Moves the calling process into the group; for `preexec_fn`."""
        if self.known:
            (self._folder / "cgroup.procs").write_text(str(os.getpid()))

    def seconds(self) -> float | None:
        return int((self._folder / "cpuacct.usage").read_text()) / 1e9 if self.known else None
