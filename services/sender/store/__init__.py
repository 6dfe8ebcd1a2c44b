"""The sender's collections: the only MongoDB code of the service."""

from services.sender.store import changes, deliveries, destinations, holds, jobs

INDEXES = {**deliveries.INDEXES, **destinations.INDEXES, **changes.INDEXES, **holds.INDEXES, **jobs.INDEXES}
