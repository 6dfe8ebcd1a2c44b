"""What the fields of a search offer: values of the API, and how they read."""

from __future__ import annotations

from typing import get_args

from services.ingest.api.listing import Status
from services.ingest.console.explanation import REFUSALS
from shared.console.words import spoken
from shared.contracts.topics import Stream

Options = list[tuple[str, str]]

STATUSES: Options = [("", "any"), *((value, spoken(value)) for value in get_args(Status))]
STREAMS: Options = [("", "any"), *((stream.value, stream.value) for stream in Stream)]
BOUNCE_CLASSES: Options = [("", "any"), *((value, spoken(value)) for value in sorted(REFUSALS))]
