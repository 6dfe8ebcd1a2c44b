"""MongoDB's roles and users out of rights: a role for each user, both of them in `admin`."""

from __future__ import annotations

from typing import Any

from pymongo import MongoClient

from services.access.rights import Rights
from shared.connections import ConnectionSettings
from shared.mongo.security import security_arguments

SELECTION_MS = 5_000
MECHANISM = "SCRAM-SHA-256"


def privileges_of(rights: Rights, settings: ConnectionSettings) -> list[dict[str, Any]]:
    """As createRole takes them, sorted; a collection "" is every one of its database."""
    return [
        {"resource": {"db": settings.database(database), "collection": collection}, "actions": sorted(actions)}
        for (database, collection), actions in sorted(rights.data.items())
    ]


def apply(settings: ConnectionSettings, wanted: dict[str, list[dict[str, Any]]], passwords: dict[str, str]) -> None:
    """Each user's role gets exactly these privileges; users with a password here are made, or get it.

    Raises PyMongoError.
    """
    arguments = security_arguments(settings)
    with MongoClient[dict[str, Any]](
        settings.mongo_url, **arguments, serverSelectionTimeoutMS=SELECTION_MS, appname="posthorn-access"
    ) as client:
        admin = client.admin
        roles = {each["role"] for each in admin.command("rolesInfo", 1)["roles"]}
        users = {each["user"] for each in admin.command("usersInfo", 1)["users"]}
        for user, privileges in wanted.items():
            change = "updateRole" if user in roles else "createRole"
            admin.command(change, user, privileges=privileges, roles=[])
        for user, password in passwords.items():
            change = "updateUser" if user in users else "createUser"
            admin.command(change, user, pwd=password, roles=[user], mechanisms=[MECHANISM])
