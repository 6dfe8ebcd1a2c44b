"""The collections of the suppression service (`documents` has their shapes)."""

from services.suppression.erasing.store import INDEXES as OF_ERASURES
from services.suppression.store.entries import INDEXES as OF_ENTRIES
from services.suppression.store.entries import Added, Suppressions
from services.suppression.store.hits import INDEXES as OF_HITS
from services.suppression.store.hits import Hits
from services.suppression.store.imports import INDEXES as OF_IMPORTS
from services.suppression.store.imports import Imports
from services.suppression.store.listing import Listing, Wanted
from services.suppression.store.strikes import INDEXES as OF_STRIKES
from services.suppression.store.strikes import Strikes

INDEXES = {**OF_ENTRIES, **OF_HITS, **OF_STRIKES, **OF_ERASURES, **OF_IMPORTS}

__all__ = ["INDEXES", "Added", "Hits", "Imports", "Listing", "Strikes", "Suppressions", "Wanted"]
