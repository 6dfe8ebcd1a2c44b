"""The collections of the router's health."""

from services.router.health.store import breakers, hours, reputations, slots

INDEXES = {**slots.INDEXES, **hours.INDEXES, **breakers.INDEXES, **reputations.INDEXES}
