"""The sender's collections: the only MongoDB code of the service."""

from services.sender.store import (
    broken_tls,
    changes,
    deliveries,
    destinations,
    drained,
    holds,
    jobs,
    returns,
    sts_policies,
    warmups,
)

INDEXES = {
    **deliveries.INDEXES,
    **destinations.INDEXES,
    **drained.INDEXES,
    **changes.INDEXES,
    **holds.INDEXES,
    **jobs.INDEXES,
    **returns.INDEXES,
    **broken_tls.INDEXES,
    **sts_policies.INDEXES,
    **warmups.INDEXES,
}
