"""Whose fault an exception is: the record's (it goes to the dead letters) or the infrastructure's (we wait)."""

from __future__ import annotations

import asyncio

from aiokafka.errors import KafkaError
from bson.errors import BSONError, InvalidDocument
from pymongo.errors import BulkWriteError, DocumentTooLarge, OperationFailure, PyMongoError

from shared.kafka.publish import PublishUnknownError

# BadValue, FailedToParse, TypeMismatch, NotSingleValueField, EmptyFieldName…, BSONObjectTooLarge
RECORD_CODES = frozenset({2, 9, 14, 28, 40, 52, 56, 57, 121, 10334, 17280, 17419})


def is_infrastructure(error: BaseException) -> bool:
    """True where trying again later can succeed without any change to the record."""
    if isinstance(error, DocumentTooLarge | InvalidDocument | BSONError):
        return False
    if isinstance(error, BulkWriteError):
        writes = (error.details or {}).get("writeErrors", [])
        return not any(write.get("code") in RECORD_CODES for write in writes)
    if isinstance(error, OperationFailure):
        return error.code not in RECORD_CODES
    return isinstance(error, PyMongoError | KafkaError | PublishUnknownError | OSError | asyncio.TimeoutError)
