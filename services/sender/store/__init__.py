"""The sender's collections: the only MongoDB code of the service."""

from services.sender.store import broken_tls, changes, deliveries, destinations, returns, sts_policies, warmups

INDEXES = {
    **deliveries.INDEXES,
    **destinations.INDEXES,
    **changes.INDEXES,
    **returns.INDEXES,
    **broken_tls.INDEXES,
    **sts_policies.INDEXES,
    **warmups.INDEXES,
}
