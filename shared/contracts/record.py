"""The base of every record on Kafka: strict when made, lenient when read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer, ValidationError

MAX_RECORD_BYTES = 64 * 1024


def rfc3339(moment: datetime) -> str:
    """A UTC time with milliseconds and `Z` (RFC 3339 section 5.6)."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{utc.isoformat(timespec='milliseconds')[:-6]}Z"


Timestamp = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]


class NewerRecordError(ValueError):
    """A sound record of a kind that only a newer Posthorn knows: to be left out, never a dead letter."""


class Record(BaseModel):
    """A versioned record. Unknown fields are ignored, so that a newer producer never stops an older consumer.

    `v` is the record's version: another one cannot be read as this one. `newer_by` names the field whose unknown
    values are of a newer Posthorn, "" where there is none: every other unknown value is a fault.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)
    newer_by: ClassVar[str] = ""

    v: Literal[1] = 1

    def encode(self) -> bytes:
        """The record's JSON bytes as they travel; fields that are None are left out."""
        return self.model_dump_json(exclude_none=True, by_alias=True).encode()

    @classmethod
    def decode(cls, value: bytes) -> Self:
        """Reads a record; raises pydantic.ValidationError where it does not fit, NewerRecordError where all that does
        not fit is a kind that is not known yet."""
        try:
            return cls.model_validate_json(value)
        except ValidationError as error:
            if cls.newer_by and all(_is_unknown_kind(each, cls.newer_by) for each in error.errors(include_url=False)):
                raise NewerRecordError(cls.__name__) from None
            raise

    def with_changes(self, **changes: Any) -> Self:
        """A copy with the named fields replaced (values are taken as they are)."""
        return self.model_copy(update=changes)


def _is_unknown_kind(fault: Any, field: str) -> bool:
    return fault["loc"] == (field,) and fault["type"] in ("enum", "literal_error") and isinstance(fault["input"], str)
