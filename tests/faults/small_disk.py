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
class OnSmallDisk:
    """A stack, and the disk that only one of its servers writes to."""

    stack: Stack
    disk: Path


@contextmanager
def on_small_disk(home: Path, folder: str, megabytes: int, port_base: int) -> Iterator[OnSmallDisk]:
    """A running stack below `home` with a small disk at `folder` there."""
    with small_disk(home / folder, megabytes) as disk, own_stack(home, port_base) as stack:
        yield OnSmallDisk(stack, disk)


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
