"""Dead letters: there are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from services.doctor.findings import Finding

FIX = "Read why with `posthorn dlq list {topic}`, mend the cause, and `posthorn dlq replay {topic} --all`."


def judge(counts: Mapping[str, int]) -> Iterator[Finding]:
    """`counts` by the topic that the records came from."""
    for topic, count in counts.items():
        if count:
            yield Finding(topic, f"has {count} dead letter{'' if count == 1 else 's'}", FIX.format(topic=topic))
