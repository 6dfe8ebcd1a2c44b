"""All checks at once, each with its own time: what one cannot gather hides nothing of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.doctor.catalogue import TITLES
from services.doctor.checks import (
    clock,
    database,
    dead_letters,
    domains,
    doors,
    egress,
    keys,
    names,
    services,
    spf,
    topics,
)
from services.doctor.findings import Finding, Result, not_seen
from services.doctor.gathering import clock as ask_clocks
from services.doctor.gathering import database as ask_database
from services.doctor.gathering import dead_letters as count_dead_letters
from services.doctor.gathering import domains as look_at_domains
from services.doctor.gathering import doors as knock_at_doors
from services.doctor.gathering import egress as dial_out
from services.doctor.gathering import keys as read_keys
from services.doctor.gathering import names as look_up_names
from services.doctor.gathering import services as ask_services
from services.doctor.gathering import spf as look_up_spf
from services.doctor.gathering import topics as describe_topics
from services.doctor.options import Options


@dataclass(frozen=True, slots=True)
class Check:
    """How facts are gathered and judged. `needs` says what must be given for it, None where it can be made."""

    name: str
    gather: Callable[[Options], Awaitable[Any]]
    judge: Callable[[Any], Iterable[Finding]]
    needs: Callable[[Options], str | None] = lambda options: None


def _doors(found: Sequence[doors.DoorFacts]) -> Iterable[Finding]:
    return doors.judge(found, datetime.now(UTC))


def _without_processes(options: Options) -> str | None:
    return None if options.health_urls else "no process is named (--health)"


def _without_doors(options: Options) -> str | None:
    return None if options.smtp_door or options.return_door else "no door is named (--smtp-door, --return-door)"


CHECKS = (
    Check("keys", read_keys.gather, keys.judge),
    Check("names", look_up_names.gather, names.judge),
    Check("spf", look_up_spf.gather, spf.judge),
    Check("domains", look_at_domains.gather, domains.judge),
    Check("doors", knock_at_doors.gather, _doors, _without_doors),
    Check("egress", dial_out.gather, egress.judge),
    Check("topics", describe_topics.gather, topics.judge),
    Check("dead-letters", count_dead_letters.gather, dead_letters.judge),
    Check("database", ask_database.gather, database.judge),
    Check("clock", ask_clocks.gather, clock.judge),
    Check("services", ask_services.gather, services.judge, _without_processes),
)


async def examine(options: Options, left_out: Collection[str] = ()) -> list[Result]:
    """The results in the order of the checks."""
    return list(await asyncio.gather(*(_made(each, options) for each in CHECKS if each.name not in left_out)))


async def _made(check: Check, options: Options) -> Result:
    if (missing := check.needs(options)) is not None:
        return Result(check.name, skipped=missing)
    try:
        async with asyncio.timeout(options.seconds * 2):
            return Result(check.name, tuple(check.judge(await check.gather(options))))
    except Exception as error:  # whatever it is, the others have their say
        why = "it took too long" if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"
        return Result(check.name, tuple(not_seen(TITLES[check.name], why.partition(" (configured")[0])))
