"""Where the sender's CPU time goes, by parts of its work: py-spy looks at its stacks from outside, many times a second.

A stack counts for the part of its innermost frame that belongs to one; a thread that waits for work or for a reply
does not count. The process is not halted meanwhile: few stacks are torn, and of a halted process it cannot be told what
runs. Needs to be allowed to look into processes (root, or CAP_SYS_PTRACE), and an idle machine: a thread that waits for
a core is taken for one that runs.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

RATE = 100  # a second
REST = "rest"
PARTS = {
    "event loop": r"^Runner\.run ",
    "sign": r"^_signed |mail/(dkim|canonical)\.py",
    "compose": r"/mail/|sender/returns/",
    "converse": r"sender/smtp/|sender/dns\.py|aiosmtplib/",
    "load": r"sender/supplies\.py|shared/content\.py|^Cursor\.",
    "take": r"sender/(intake|arrivals|claiming)\.py|store/(changes|claims)\.py|kafka/batch\.py"
    r"|aiokafka/(consumer|protocol/fetch)|^Collection\.insert_many |^insert_group ",
    "record": r"sender/(endings|rules)\.py|store/deliveries\.py|mongo/(outbox|group_commit)\.py|kafka/publish\.py"
    r"|contracts/events\.py|aiokafka/producer|^Collection\.(bulk_write|update_many) ",
}
"""The part of a frame, `function (file:line)`, is the first whose pattern is found in it. `take` is from Kafka to the
claim, `record` all that is written of a delivery: the mark before the dot, its outcome and its event."""
WAITING = re.compile(r"^(_worker|Condition\.wait|Event\.wait|PeriodicExecutor\._run|NetworkingInterface\.recv_into) ")
_KNOWN = {part: re.compile(frames) for part, frames in PARTS.items()}


class Looks:
    """What was seen: `shares` are each part's share of the CPU time, once the block is over."""

    shares: Mapping[str, float]


@contextmanager
def looking_at(pid: int) -> Iterator[Looks]:
    """Looks at a process as long as the block runs. Raises CalledProcessError where it cannot."""
    looks = Looks()
    spy_file = shutil.which("py-spy", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert spy_file is not None, "py-spy is one of the packages for development"
    with tempfile.NamedTemporaryFile() as stacks:
        command = [spy_file, "record", "--pid", str(pid), "--rate", str(RATE), "--nonblocking", "--function"]
        spy = subprocess.Popen(
            [*command, "--format", "raw", "--output", stacks.name, "--duration", "3600"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield looks
        finally:
            spy.send_signal(signal.SIGINT)
            spy.wait()
        if spy.returncode:
            raise subprocess.CalledProcessError(spy.returncode, command)
        looks.shares = shares_of(Path(stacks.name).read_text().splitlines())


def shares_of(stacks: Iterable[str]) -> dict[str, float]:
    """Each part's share of what ran; a line is `frame;frame;… count`, the outermost frame first."""
    counts: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if not WAITING.search(frames[-1]):
            counts[part_of(frames)] += int(count)
    return {part: count / counts.total() for part, count in counts.most_common()}


def part_of(frames: list[str]) -> str:
    return next((part for frame in reversed(frames) for part, known in _KNOWN.items() if known.search(frame)), REST)
