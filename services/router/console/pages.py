"""The routers of the router's pages, and what they read."""

from __future__ import annotations

from fastapi import APIRouter

from services.router.api.explain import Explaining
from services.router.api.health import HealthApi
from services.router.api.replay import ReplayApi
from services.router.api.rule_sets import RuleSetApi
from services.router.api.transports import TransportApi
from services.router.console.board import Boards
from services.router.console.domain_health import domain_health_pages
from services.router.console.explain_pages import explain_pages
from services.router.console.lately import Lately
from services.router.console.overview import overview_pages
from services.router.console.rule_pages import RuleTexts, rule_pages
from services.router.console.transport_health import TransportHealth
from services.router.console.transport_pages import transport_actions, transport_pages
from services.router.health.role import HealthRoom
from services.router.store.configurations import Configurations
from shared.console.console import Console
from shared.service import Base


class RoutingConsole:
    """The pages; `close` gives up what they still read."""

    def __init__(
        self,
        base: Base,
        room: HealthRoom,
        configurations: Configurations,
        transports: TransportApi,
        rules: RuleSetApi,
        health: HealthApi,
        explaining: Explaining,
        replays: ReplayApi,
    ) -> None:
        console = Console(base, __package__)
        self._lately = Lately(room)
        boards = Boards(transports, rules, configurations, room, self._lately)
        of_transport = TransportHealth(health, room, self._lately)
        texts = RuleTexts(transports, rules, replays)
        self.routers: list[APIRouter] = [
            overview_pages(console, boards),
            rule_pages(console, texts),
            explain_pages(console, explaining, texts),
            transport_pages(console, transports, rules, of_transport),
            domain_health_pages(console, health, rules, room),
            transport_actions(console, transports, rules, of_transport, health),
        ]

    async def close(self) -> None:
        await self._lately.close()
