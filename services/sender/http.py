"""The role `http`: every route and page of the sender, and the parts behind them."""

from __future__ import annotations

from fastapi import APIRouter

from services.sender.api.router import QueueParts, queue_router
from services.sender.console.pages import console_routers
from services.sender.people import sender_people
from services.sender.queue.stages import Stages
from services.sender.settings import Settings
from shared.service import Base


def http_routers(base: Base, settings: Settings, stages: Stages) -> list[APIRouter]:
    parts = QueueParts.of(base, settings, stages)
    return [queue_router(base, parts), sender_people(base), *console_routers(base, parts)]
