"""Which service sends what, and which consumer group of which service receives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.contracts.topics import (
    COMMANDS,
    CONFIG_CHANGES,
    EVENTS,
    STAGE_REPORTS,
    SUPPRESSION_CHANGES,
    WEBHOOK_EVENTS,
    Lane,
    accepted,
    cleared,
    dead_letters,
    due,
    routed,
)


@dataclass(frozen=True)
class Flow:
    """What a service sends, the topics that each of its groups receives (named without the deployment's prefix), and
    those that it reads outside any group, from where it needs to on."""

    sends: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    reads: tuple[str, ...] = ()

    @property
    def dead_letters(self) -> Iterator[str]:
        """The topics that its consumers put aside what they cannot process."""
        return (dead_letters(topic) for topic in sorted({topic for topics in self.groups.values() for topic in topics}))


FLOWS: dict[str, Flow] = {
    "ingest": Flow(
        sends=(*map(accepted, Lane), EVENTS, COMMANDS, CONFIG_CHANGES, STAGE_REPORTS),
        groups={
            **{f"ingest.projector.{lane}": (accepted(lane),) for lane in Lane},
            "ingest.projector.events": (EVENTS,),
            "ingest.projector.webhooks": (WEBHOOK_EVENTS,),
            "ingest.replies": (EVENTS,),
            "ingest.erasures": (COMMANDS,),
        },
        reads=(*map(accepted, Lane), EVENTS, WEBHOOK_EVENTS),
    ),
    "router": Flow(
        sends=(*map(routed, Lane), EVENTS, COMMANDS, CONFIG_CHANGES),
        groups={
            **{f"router.route.{lane}": (accepted(lane), due(lane)) for lane in Lane},
            "router.health": (EVENTS,),
            "router.config": (CONFIG_CHANGES,),
            "router.erasures": (COMMANDS,),
        },
        reads=(EVENTS,),
    ),
    "suppression": Flow(
        sends=(*map(cleared, Lane), EVENTS, COMMANDS, SUPPRESSION_CHANGES),
        groups={
            **{f"suppression.check.{lane}": (routed(lane),) for lane in Lane},
            "suppression.learn": (EVENTS,),
            "suppression.config": (CONFIG_CHANGES,),
            "suppression.erasures": (COMMANDS,),
            "suppression.erased": (COMMANDS,),
        },
    ),
    "sender": Flow(
        sends=(*map(due, Lane), EVENTS, COMMANDS),
        groups={
            **{f"sender.deliver.{lane}": (cleared(lane),) for lane in Lane},
            "sender.changes": (SUPPRESSION_CHANGES,),
            "sender.commands": (COMMANDS,),
            "sender.config": (CONFIG_CHANGES,),
            "sender.erasures": (COMMANDS,),
        },
        reads=(STAGE_REPORTS,),
    ),
    "webhooks": Flow(
        sends=(WEBHOOK_EVENTS, COMMANDS, CONFIG_CHANGES),
        groups={
            **{f"webhooks.accepted.{lane}": (accepted(lane),) for lane in Lane},
            "webhooks.events": (EVENTS,),
            "webhooks.config": (CONFIG_CHANGES,),
            "webhooks.erasures": (COMMANDS,),
        },
        reads=(*map(accepted, Lane), EVENTS),
    ),
}
