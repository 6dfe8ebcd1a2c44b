"""Where the sender's CPU time goes, by parts of its work: py-spy looks at its stacks from outside, many times a second.

A stack counts for the part of its innermost frame that belongs to one. A thread that waits is not looked at. Needs to
be allowed to look into processes (root, or CAP_SYS_PTRACE).
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

RATE = 200  # a second
SPY = Path(sys.executable).parent / "py-spy"
PARTS: Mapping[str, re.Pattern[str]] = {
    part: re.compile(frames)
    for part, frames in {
        "take over": r"(sender/(intake|arrivals|claiming|store/cha|store/cla|destinations/pl)|kafka/(batch|fetch))|"
        r"aiokafka/(consumer|record/\w+_records|protocol/fetch)|^(_insert_many|insert_many|insert_group) ",
        "load": r"(sender/supplies|shared/content|mongo/entity_cache)|^(find|next|_refresh|_next_batch|to_list) .*(pymongo|motor)",
        "sign": r"^_signed |mail/(dkim|canonical)",
        "compose": r"mail/|sender/returns/",
        "converse": r"(sender/smtp/|aiosmtplib/|sender/dns)",
        "record": r"(sender/(endings|rules|store/deliveries)|mongo/(outbox|group_commit)|kafka/publish|aiokafka/producer)|"
        r"contracts/events|^(bulk_write|update_many) ",
    }.items()
}
"""The part of a frame, `function (file)`, is the first whose pattern it fits. `record` is all that is written of a
delivery: the mark before the dot, its outcome, and its event."""
REST = "rest"


class Looks:
    """What was seen: `shares` are each part's share of the samples, once the block is over."""

    shares: Mapping[str, float]


@contextmanager
def looking_at(pid: int) -> Iterator[Looks]:
    """Looks at a process as long as the block runs. Raises CalledProcessError where it cannot."""
    looks = Looks()
    with tempfile.NamedTemporaryFile() as stacks:
        command = [SPY, "record", "--pid", str(pid), "--rate", str(RATE), "--function", "--nonblocking"]
        spy = subprocess.Popen([*command, "--format", "raw", "--output", stacks.name, "--duration", "3600"])
        try:
            yield looks
        finally:
            spy.send_signal(signal.SIGINT)
            spy.wait()
        if spy.returncode:
            raise subprocess.CalledProcessError(spy.returncode, command)
        looks.shares = shares_of(stacks.read().decode().splitlines())


def shares_of(stacks: Iterable[str]) -> dict[str, float]:
    """Each part's share of the samples; a line is `frame;frame;… count`, the outermost frame first."""
    counts: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        counts[part_of(stack.split(";"))] += int(count)
    return {part: count / counts.total() for part, count in counts.most_common()}


def part_of(frames: list[str]) -> str:
    return next((part for frame in reversed(frames) for part, known in PARTS.items() if known.search(frame)), REST)
