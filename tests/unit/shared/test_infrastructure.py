"""What a failover, a halt or a full disk brings is waited for; what the record itself breaks on is not."""

from __future__ import annotations

import pytest
from aiokafka.errors import NotLeaderForPartitionError
from bson.errors import InvalidDocument
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    CursorNotFound,
    DocumentTooLarge,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
    WTimeoutError,
)

from shared.kafka.faults import RECORD_CODES, is_infrastructure
from shared.kafka.publish import PublishUnknownError

# error codes of the server (src/mongo/base/error_codes.yml)
WRITE_CONCERN_FAILED = 64
CODES = {
    "HostUnreachable": 6, "NetworkTimeout": 89, "ShutdownInProgress": 91, "PrimarySteppedDown": 189,
    "ExceededTimeLimit": 262, "SocketException": 9001, "NotWritablePrimary": 10107, "InterruptedAtShutdown": 11600,
    "InterruptedDueToReplStateChange": 11602, "NotPrimaryNoSecondaryOk": 13435, "NotPrimaryOrSecondary": 13436,
    "MaxTimeMSExpired": 50, "LockTimeout": 24, "WriteConflict": 112, "SnapshotUnavailable": 246,
    "OutOfDiskSpace": 14031, "ReadConcernMajorityNotAvailableYet": 134,
}  # fmt: skip
BROUGHT: list[Exception] = [
    AutoReconnect("connection closed"),
    NetworkTimeout("timed out"),
    NotPrimaryError("not primary", {"code": 10107}),
    ServerSelectionTimeoutError("no primary"),
    WaitQueueTimeoutError("no connection is free"),
    CursorNotFound("gone with its primary", 43),
    ExecutionTimeout("operation exceeded time limit", 50),
    WriteConcernError("interrupted", 11602),
    WTimeoutError("waiting for replication timed out", WRITE_CONCERN_FAILED),
    BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": WRITE_CONCERN_FAILED}]}),
    BulkWriteError({"writeErrors": [{"code": 11600}], "writeConcernErrors": []}),
    NotLeaderForPartitionError(),
    PublishUnknownError("no acknowledgement"),
    ConnectionResetError(),
    TimeoutError(),
]


@pytest.mark.parametrize("error", BROUGHT, ids=repr)
def test_what_a_failover_brings_is_waited_for(error: Exception) -> None:
    assert is_infrastructure(error)


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_so_is_every_state_of_a_server_that_goes_or_comes(code: int) -> None:
    assert is_infrastructure(OperationFailure("as the server says", code))
    assert is_infrastructure(BulkWriteError({"writeErrors": [{"code": code}], "writeConcernErrors": []}))


@pytest.mark.parametrize("error", [DocumentTooLarge("16 MiB"), InvalidDocument("a set"), KeyError("field")], ids=repr)
def test_what_the_record_breaks_on_is_not(error: Exception) -> None:
    assert not is_infrastructure(error)


def test_nor_is_a_batch_with_one_such_record() -> None:
    for code in RECORD_CODES:
        errors = [{"code": 11600}, {"code": code}]
        assert not is_infrastructure(BulkWriteError({"writeErrors": errors, "writeConcernErrors": []}))
        assert not is_infrastructure(OperationFailure("as the server says", code))
