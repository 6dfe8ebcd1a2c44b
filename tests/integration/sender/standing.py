"""How a destination, the sink's where none is named, stands, as other processes have left it."""

from __future__ import annotations

from services.sender.destinations.adaptation import Standing
from services.sender.destinations.name import Destination
from services.sender.store.destinations import Destinations
from tests.integration.sender.world import World


async def standing(world: World, left: Standing, destination: str | None = None) -> None:
    """Writes it before any sender has asked for the destination, or where none has changed it."""
    destinations = Destinations(world.deployment.database("sender"), "other", 60)
    destination = destination or str(Destination("direct", world.route().rollup))
    await destinations.hold({destination: (0, 10)})
    assert await destinations.adapt({destination: (None, left)})
