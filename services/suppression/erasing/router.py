"""The routes about erasures, and about what this service holds of one person."""

from __future__ import annotations

from fastapi import APIRouter

from services.suppression.erasing.api import ErasureApi, platform_erasures, workspace_erasures
from services.suppression.erasing.people import suppression_people
from services.suppression.erasing.store import ErasureStore
from services.suppression.settings import Settings
from shared.service import Base


def erasing_routers(base: Base, store: ErasureStore, settings: Settings) -> list[APIRouter]:
    api = ErasureApi(store, settings)
    return [workspace_erasures(base, api), platform_erasures(base, api), suppression_people(base, store)]
