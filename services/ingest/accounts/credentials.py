"""SMTP credentials: a user name and a password that open the SMTP door for their workspace."""

from __future__ import annotations

from services.ingest.accounts.changes import Actor, Changes
from shared.contracts.entities import ApiKey, Kind, SmtpCredential
from shared.mongo.entities import Entity
from shared.secrets import smtp_digest
from shared.tokens import new_smtp_password, new_smtp_user, uuid7

SCOPE = "email.send"


class SmtpCredentials:
    """The changes of credentials; both parts are drawn at random, so that a digest is enough to keep."""

    def __init__(self, changes: Changes, pepper: bytes) -> None:
        self._changes = changes
        self._pepper = pepper

    async def create(self, actor: Actor, workspace_id: str, name: str) -> tuple[Entity, str]:
        """A new credential, and its password, which is shown once."""
        user, password = new_smtp_user(), new_smtp_password()
        data = SmtpCredential(name=name, user=user, digest=smtp_digest(self._pepper, user, password)).model_dump()
        entity = await self._changes.write(actor, "created", Kind.SMTP_CREDENTIAL, uuid7(), workspace_id, data)
        return entity, password

    async def revoke(self, actor: Actor, entity: Entity) -> None:
        """Raises VersionConflictError."""
        workspace_id = entity.workspace_id or ""
        await self._changes.write(
            actor, "revoked", Kind.SMTP_CREDENTIAL, entity.id, workspace_id, entity.data, before=entity, deleted=True
        )


def as_key(credential: SmtpCredential) -> ApiKey:
    """A credential is a key that may send and nothing else; its user name is what may be shown of it."""
    return ApiKey(name=credential.name, digest=credential.digest, prefix=credential.user, scopes=[SCOPE])
