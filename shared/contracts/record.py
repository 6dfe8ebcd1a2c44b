"""The base of every record on Kafka: strict when made, lenient when read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer

MAX_RECORD_BYTES = 64 * 1024


def rfc3339(moment: datetime) -> str:
    """A UTC time with milliseconds and `Z` (RFC 3339 section 5.6)."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{utc.isoformat(timespec='milliseconds')[:-6]}Z"


Timestamp = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]


class Record(BaseModel):
    """A versioned record. Unknown fields are ignored, so that a newer producer never stops an older consumer."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    v: int = 1

    def encode(self) -> bytes:
        """The record's JSON bytes as they travel; fields that are None are left out."""
        return self.model_dump_json(exclude_none=True, by_alias=True).encode()

    @classmethod
    def decode(cls, value: bytes) -> Self:
        """Reads a record; raises pydantic.ValidationError where it does not fit."""
        return cls.model_validate_json(value)

    def with_changes(self, **changes: Any) -> Self:
        """A copy with the named fields replaced (values are taken as they are)."""
        return self.model_copy(update=changes)
