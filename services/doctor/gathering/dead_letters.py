"""How many dead letters each topic has."""

from __future__ import annotations

from services.doctor.options import Options
from shared.contracts.topics import LIVE
from shared.kafka.dead_letter import count_dead_letters


async def gather(options: Options) -> dict[str, int]:
    return await count_dead_letters(options.shared, LIVE)
