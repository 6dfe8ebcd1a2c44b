"""What is shown of keys, credentials, workspaces and the audit log: never a digest, and a secret only this once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel

from shared.contracts.entities import ApiKey, SmtpCredential, Workspace
from shared.contracts.record import rfc3339
from shared.mongo.entities import Entity
from shared.tokens import made_at


class Page(BaseModel):
    has_more: bool
    next_cursor: str | None


class KeyView(BaseModel):
    """`prefix` is the beginning of the key's text; the one before a rotation works until `previous_until`."""

    id: str
    name: str
    prefix: str
    scopes: list[str]
    expires_at: AwareDatetime | None
    allowed_ips: list[str]
    domains: list[str]
    default_stream: str | None
    rate_limit: int | None
    previous_until: AwareDatetime | None
    last_used_at: AwareDatetime | None
    created_at: AwareDatetime


class NewKeyView(KeyView):
    """`key` is the text of the key, shown this once."""

    key: str


class KeyPage(Page):
    data: list[KeyView]


class CredentialView(BaseModel):
    id: str
    name: str
    user: str
    last_used_at: AwareDatetime | None
    created_at: AwareDatetime


class NewCredentialView(CredentialView):
    """`password` is shown this once."""

    password: str


class CredentialPage(Page):
    data: list[CredentialView]


class WorkspaceView(BaseModel):
    id: str
    name: str
    owner_email: str
    owner_verified: bool
    features: list[str]
    default_sender: str | None
    default_stream: str
    default_tracking: list[str]
    max_recipients: int
    max_domains: int
    max_message_bytes: int
    smtputf8: bool
    rate_limit: int | None
    daily_quota: int | None
    complaints_spare_critical: bool
    keep_content: bool
    created_at: AwareDatetime


class WorkspacePage(Page):
    data: list[WorkspaceView]


class ActorView(BaseModel):
    """A key by its id, the operator, a command on the machine, or the platform's upkeep; the address as the trusted
    proxies told it."""

    kind: str
    id: str | None
    address: str | None


class ObjectView(BaseModel):
    """What was changed; `version` is the one that the change made."""

    kind: str
    id: str
    version: int


class AuditView(BaseModel):
    """`fields` are the names of the fields that the change made different."""

    id: str
    at: AwareDatetime
    actor: ActorView
    action: str
    object: ObjectView
    fields: list[str]


class AuditPage(Page):
    data: list[AuditView]


def key_view(entity: Entity, last_used_at: datetime | None) -> dict[str, Any]:
    key = ApiKey.model_validate(entity.data)
    return {
        "id": entity.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": key.scopes,
        "expires_at": _time(key.expires_at),
        "allowed_ips": key.allowed_ips,
        "domains": key.domains,
        "default_stream": key.default_stream,
        "rate_limit": key.rate_limit,
        "previous_until": _time(key.previous_until),
        "last_used_at": _time(last_used_at),
        "created_at": rfc3339(made_at(entity.id)),
    }


def credential_view(entity: Entity, last_used_at: datetime | None) -> dict[str, Any]:
    credential = SmtpCredential.model_validate(entity.data)
    return {
        "id": entity.id,
        "name": credential.name,
        "user": credential.user,
        "last_used_at": _time(last_used_at),
        "created_at": rfc3339(made_at(entity.id)),
    }


def workspace_view(entity: Entity) -> dict[str, Any]:
    shown = Workspace.model_validate(entity.data).model_dump(exclude={"v"})
    return {"id": entity.id, **shown, "created_at": rfc3339(made_at(entity.id))}


def audit_view(entry: dict[str, Any]) -> dict[str, Any]:
    shown = {name: entry[name] for name in ("actor", "action", "object", "fields")}
    return {"id": entry["_id"], "at": rfc3339(entry["at"]), **shown}


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment is not None else None
