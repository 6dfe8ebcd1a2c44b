"""The sender's collections: the only MongoDB code of the service."""

from services.sender.store import changes, deliveries, destinations, returns

INDEXES = {**deliveries.INDEXES, **destinations.INDEXES, **changes.INDEXES, **returns.INDEXES}
