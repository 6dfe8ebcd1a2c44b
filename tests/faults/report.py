"""`python -m tests.faults.report`: writes docs/reliability.md from the kept runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from shared.failpoints import CONSUMERS, HANDLED, PLACES, handled
from tests.faults.matrix import RESULTS, Row, rows

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
HEAD = ("fault", "promised", "runs", "messages", "lost", "duplicates", "ambiguous", "recovery", "held")
INTRODUCTION = """\
# Reliability

What faults do to mail under load, as the fault harness last measured it. Each run sends a load of mixed outcomes
(taken, greylisted, deferred, refused, slow, connections lost before and after the final dot), brings the fault in its
middle, waits until nothing moves any more, and has one judge for all. What was accepted has ended, reached the sink
exactly once (more often only with an `ambiguous` event for each further copy), and has its whole trace; each of its
webhooks came.

`make faults` runs all of them in their full size, by hand and for an hour or more, and writes this document;
`make test` runs a short form of the kinds that need no servers of their own. `POSTHORN_TEST_SEED` chooses another load
and other moments; the last run of each seed counts.

*Lost* are messages that were answered with 202 and are unknown, have no end, or ended as delivered without a copy at
the sink. *Duplicates* are copies that no `ambiguous` event announced. *Recovery* is the longest time from the end of
the fault (of the load, where that ended later) until nothing moved any more. *Held* says whether every promise of the
judge held in every run.
"""


STAGES = """\
What those kills hit. A process dies with all of its conversations, and the stage is where one of them had come to.
*Running* are accepted messages that the sink had not taken, *held* those that the process had leased, *cut* those of
them that had their mark and no recorded outcome: they are ambiguous, and no others.
"""
FAILPOINTS = """\
## The named points

`POSTHORN_FAILPOINTS="sender.replied=kill@50,relay.published=stop@1"` in the environment of a process makes it kill
itself when it reaches the first of these places for the 50th time, and stop itself (SIGSTOP) at the second; times are
counted in messages, requests, records, posts or deliveries, as the place has it. Without the variable they cost an
empty call.
"""


def render(results: Path = RESULTS) -> str:
    """The document: a table for each kind of fault."""
    parts = [INTRODUCTION]
    for kind, of_kind in groupby(rows(results), key=lambda row: row.kind):
        found = list(of_kind)
        parts += [f"## {kind}\n", _table([HEAD, *map(_cells, found)])]
        parts += [f"{STAGES}\n{_table(stages)}" for row in found if (stages := _stages(row))]
    points = [(f"`{name}`", where) for name, where in PLACES.items()]
    points += [(", ".join(f"`{handled(name)}`" for name in CONSUMERS), HANDLED)]
    return "\n".join([*parts, FAILPOINTS, _table([("failpoint", "what is done there, and what is not"), *points])])


def _table(lines: Sequence[tuple[str, ...]]) -> str:
    ruled = [lines[0], ("---",) * len(lines[0]), *lines[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in ruled)


def _cells(row: Row) -> tuple[str, ...]:
    runs = row.runs.values()
    broken = sorted({rule for run in runs for rule in run.broken})
    return (
        row.fault,
        row.promised,
        str(len(runs)),
        f"{sum(run.messages for run in runs):,}",
        str(sum(run.lost for run in runs)),
        str(sum(run.duplicated for run in runs)),
        str(sum(run.ambiguous for run in runs)),
        f"{max(run.recovery_seconds for run in runs):.0f} s",
        f"**no**: {', '.join(broken)}" if broken else "yes",
    )


def _stages(row: Row) -> list[tuple[str, ...]]:
    """The head of a table and its lines, by stage and over all runs; nothing for a fault without stages."""
    counts: dict[str, Counter[str]] = {}
    for run in row.runs.values():
        for point, counted in run.stages.items():
            counts.setdefault(point, Counter()).update(counted)
    if not counts:
        return []
    head = ("stage", *next(iter(counts.values())))
    return [head, *((PLACES[point], *(f"{each:,}" for each in of.values())) for point, of in counts.items())]


if __name__ == "__main__":
    DOCUMENT.write_text(render())
