"""The state of routing as its pages show it: paths, transports, rules, and what has failed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.router.api.rule_sets import RuleSetApi
from services.router.api.transports import TransportApi
from services.router.console.lately import Lately
from services.router.console.ordinary import ordinary, picked_before
from services.router.console.paths import Path, beset, path_of
from services.router.console.rule_words import does, matches
from services.router.console.series import HOUR, by_transport, whole
from services.router.console.transport_rows import FAILS, Row, row_of
from services.router.console.wording import listed, names_of
from services.router.health import Health
from services.router.health.role import HealthRoom
from services.router.routes.configuration import Configuration
from services.router.routes.matching import DEFAULT
from services.router.routes.model import Rule, RuleSet, read_set
from services.router.store.configurations import Configurations
from services.router.store.rule_sets import LastChange
from shared.contracts.topics import Stream

NOBODY = "sender.invalid"
MOST_AT_A_GLANCE = 5


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule in words."""

    rule: Rule
    matches: str
    does: str


@dataclass(frozen=True, slots=True)
class Board:
    """All of it at one moment. `domain` is the sending domain that the paths are of, None where none has sent."""

    paths: Sequence[Path]
    rows: Sequence[Row]
    rules: Sequence[RuleLine]
    order: Sequence[str]
    version: int
    changed: LastChange | None
    domain: str | None

    @property
    def failed_over(self) -> int:
        """Attempts of the last hour that a transport took as one before it did not."""
        return sum(row.failed_over for row in self.rows)

    @property
    def foremost(self) -> list[Row]:
        """The few transports that say most at a glance: those in trouble, then those that take most."""
        enabled = [row for row in self.rows if row.view["enabled"]]
        return sorted(enabled, key=lambda row: (row.tone == "good", -row.counts["attempts"]))[:MOST_AT_A_GLANCE]

    @property
    def alike(self) -> list[tuple[str, Path]]:
        """The paths, those that are the same to a reader as one, under the names of their streams."""
        found: dict[tuple[str, str, str], list[Path]] = {}
        for path in self.paths:
            found.setdefault((path.state, path.title, path.why), []).append(path)
        return [(listed(path.name for path in paths), paths[0]) for paths in found.values()]


class Boards:
    """Reads what there is for a workspace."""

    def __init__(
        self,
        transports: TransportApi,
        rules: RuleSetApi,
        configurations: Configurations,
        room: HealthRoom,
        lately: Lately,
    ) -> None:
        self._transports = transports
        self._rules = rules
        self._configurations = configurations
        self._room = room
        self._lately = lately

    async def of(self, workspace_id: str) -> Board:
        views = await self._transports.usable(workspace_id)
        shown = await self._rules.get(workspace_id)
        rules, names = read_set(shown), names_of(views)
        known = (await self._configurations.of_workspaces({workspace_id: 0}))[workspace_id]
        domain = await self._lately.busiest_domain(workspace_id)
        rows = await self._rows(workspace_id, views)
        failing = {str(row.view["id"]): row.why for row in rows if row.state == FAILS and row.why}
        paths = paths_of(workspace_id, domain or NOBODY, known, self._room.view.current(), rules)
        return Board(
            paths=[beset(path, failing) for path in paths],
            rows=rows,
            rules=[RuleLine(rule, matches(rule.when), does(rule, names)) for rule in rules.rules],
            order=[names.get(id_, id_) for id_ in rules.transports],
            version=shown["version"],
            changed=await self._rules.last_change(workspace_id),
            domain=domain,
        )

    async def _rows(self, workspace_id: str, views: Sequence[Mapping[str, object]]) -> list[Row]:
        sent = by_transport(await self._lately.sent(workspace_id, HOUR))
        breakers = await self._room.breakers.of_transports([str(view["id"]) for view in views])
        return [row_of(view, breakers, whole(sent.get(str(view["id"]), {}))) for view in views]


def paths_of(workspace_id: str, domain: str, known: Configuration, health: Health, rules: RuleSet) -> list[Path]:
    """The path of each stream's ordinary mail now."""
    found = []
    for stream in Stream:
        message = ordinary(workspace_id, stream, domain, known, health, datetime.now(UTC))
        by = message.route or message.verdict
        found.append(path_of(message, known, health, [*picked_before(rules, stream, by.rule if by else DEFAULT)]))
    return found
