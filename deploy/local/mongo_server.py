"""One mongod as a replica set of one, its state kept below `home`."""

import os
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.install import Say, mongod_program
from deploy.local.ports import HOST
from deploy.local.processes import DetachedProcess

REPLICA_SET = "rs0"
NOT_YET_INITIALIZED = 94


class MongoServer:
    """Bound to the loopback address; majority writes and transactions work as on a larger set."""

    name = "mongod"
    start_seconds = 90.0
    stop_seconds = 20.0

    def __init__(self, home: Path, port: int) -> None:
        self.folder = home / "mongod"
        self.port = port
        self.process = DetachedProcess(self.name, home)

    @property
    def url(self) -> str:
        """The connection string for clients."""
        return f"mongodb://{HOST}:{self.port}/?replicaSet={REPLICA_SET}&directConnection=true"

    def start(self, say: Say) -> None:
        """Install mongod if it is missing and start it without waiting for it."""
        program = mongod_program(say)
        self.folder.mkdir(parents=True, exist_ok=True)
        options = {
            "--replSet": REPLICA_SET,
            "--dbpath": str(self.folder),
            "--bind_ip": HOST,
            "--port": str(self.port),
            "--wiredTigerCacheSizeGB": "0.5",
            "--oplogSize": "512",
            "--setParameter": "diagnosticDataCollectionEnabled=false",
        }
        flags = [text for option in options.items() for text in option]
        # dropped collections would keep their files open for five minutes, which tests by the hundred cannot afford
        flags += ["--setParameter", "minSnapshotHistoryWindowInSeconds=0"]
        self.process.start([str(program), *flags, "--nounixsocket", "--quiet"], os.environ, self.folder)

    def ready(self) -> bool:
        """Whether it takes writes; initiates the replica set the first time, and moves it when the port has changed."""
        client: MongoClient[dict[str, Any]] = MongoClient(
            HOST, self.port, directConnection=True, serverSelectionTimeoutMS=500, connectTimeoutMS=500
        )
        with client:
            try:
                self._put_into_set(client)
                return bool(client.admin.command("hello").get("isWritablePrimary"))
            except PyMongoError:
                return False

    def _put_into_set(self, client: "MongoClient[dict[str, Any]]") -> None:
        address = f"{HOST}:{self.port}"
        try:
            config = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if error.code != NOT_YET_INITIALIZED:
                raise
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": address}]})
            return
        if config["members"][0]["host"] != address:
            config["members"][0]["host"] = address
            config["version"] += 1
            client.admin.command("replSetReconfig", config, force=True)
