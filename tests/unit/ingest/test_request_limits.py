"""The limits of a key and its workspace, over several processes."""

from __future__ import annotations

import base64
from typing import Any

from services.ingest.accounts.request_limits import RequestLimits
from services.ingest.settings import Settings
from shared.auth import Principal
from shared.contracts.entities import ApiKey, Workspace

SECRET = base64.b64encode(bytes(32)).decode()


def settings(**limits: int) -> Settings:
    fields: dict[str, Any] = {**dict.fromkeys(("pepper", "token_key", "encryption_key"), SECRET), **limits}
    return Settings(**fields)


def principal(key_limit: int | None = None, workspace_limit: int | None = None) -> Principal:
    key = ApiKey(name="k", digest="d", prefix="p", scopes=[], rate_limit=key_limit)
    workspace = Workspace(name="w", owner_email="o@w.test", rate_limit=workspace_limit)
    return Principal("key", key, "workspace", workspace, 1)


def test_processes_share_a_limit_and_time_gives_it_back() -> None:
    now = 0.0
    shared = settings(key_rate_limit=100, workspace_rate_limit=1000, http_replicas=2)
    processes = [RequestLimits(shared, lambda: now) for _ in range(2)]
    assert processes[0].take(principal()).tightest.remaining == 98
    passed = 1 + sum(not process.take(principal()).violated for process in processes for _ in range(100))
    assert passed == 100
    now += processes[0].take(principal()).retry_after
    assert not processes[0].take(principal()).violated


def test_what_a_key_or_a_workspace_has_of_its_own_goes_before_the_setting() -> None:
    limits = RequestLimits(settings(key_rate_limit=100, workspace_rate_limit=1000), lambda: 0.0)
    quotas = [
        tuple(each.policy.quota for each in limits.take(principal(*own)).standings)
        for own in ((None, None), (7, None), (None, 9), (2000, 3000))
    ]
    assert quotas == [(100, 1000), (7, 1000), (100, 9), (2000, 3000)]
