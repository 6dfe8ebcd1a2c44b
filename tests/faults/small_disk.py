"""A small disk of a server's own, and another program that fills it."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.faults.world import own_stack

FILLER = "filler"
BLOCK = bytes(4096)


@contextmanager
def small_disk(at: Path, megabytes: int) -> Iterator[Path]:
    """A tmpfs of that size at `at`; skips the test where this process may not mount one."""
    at.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "posthorn-test", str(at)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("a disk that can be filled needs mount(8)")
    if done.returncode:
        pytest.skip(f"a disk that can be filled needs the right to mount a tmpfs: {done.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


@dataclass(frozen=True)
class OnSmallDisks:
    """A stack, and the two disks that only its Kafka and only its mongod write to."""

    stack: Stack
    kafka: Path
    mongod: Path


@contextmanager
def on_small_disks(home: Path, port_base: int, *, kafka: int, mongod: int) -> Iterator[OnSmallDisks]:
    """A running stack below `home` whose servers have so many megabytes each."""
    with (
        small_disk(home / "kafka" / "data", kafka) as kafka_disk,
        small_disk(home / "mongod", mongod) as mongod_disk,
        own_stack(home, port_base) as stack,
    ):
        yield OnSmallDisks(stack, kafka_disk, mongod_disk)


def fill(disk: Path) -> int:
    """Takes all the space that is left; returns how many bytes that was."""
    with (disk / FILLER).open("ab", buffering=0) as file:
        try:
            while True:
                file.write(BLOCK)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        return file.tell()


def empty(disk: Path) -> None:
    """Gives back what was taken."""
    (disk / FILLER).unlink()
