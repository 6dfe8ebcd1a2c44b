"""MongoDB as its clients see it."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.frame import Section, framed
from deploy.grafana.panels import NUMBER, SECONDS, Levels, by_second, gauge, lines, quantile

COMMANDS = "posthorn_mongo_command_seconds"


def dashboard() -> Dashboard:
    return framed(
        "mongo",
        "MongoDB",
        "Commands and connections of the services' clients.",
        Section("Commands", [
            lines("p99 by service", "`getMore` waits for news, and is left out.",
                  quantile(0.99, COMMANDS, "client", 'command!="getMore"', exemplar=False), unit=SECONDS,
                  levels=Levels(0.25, 1)),
            lines("p99 by command", "Of all services.", quantile(0.99, COMMANDS, "command", exemplar=False),
                  unit=SECONDS),
            lines("Commands by service", "A group of writes is one.", by_second(f"{COMMANDS}_count", "client")),
            lines("Commands by kind", "Of all services.", by_second(f"{COMMANDS}_count", "command")),
            lines("Failed", "Failed at the server: an election, a write that no majority took.",
                  by_second("posthorn_mongo_commands_failed_total", "client, command"), width=24),
        ]),
        Section("Connections", [
            lines("Open", "Of all processes.",
                  gauge("posthorn_mongo_connections", "client", 'state="open"'), unit=NUMBER, width=8),
            lines("In use", "Fifty is all that a client of one process has.",
                  gauge("posthorn_mongo_connections", "client", 'state="in_use"', how="max"), unit=NUMBER,
                  levels=Levels(40, 50), width=8),
            lines("Waits in vain", "For a connection of the pool.",
                  by_second("posthorn_mongo_checkouts_failed_total", "client"), width=8),
        ]),
        Section("Writes", [
            lines("Unpublished", "Documents whose record is not on Kafka yet.",
                  gauge("posthorn_unpublished", "collection", how="max"), unit=NUMBER),
            lines("Gathered writes", "Groups by collection: as many commands were saved as they have members.",
                  by_second("posthorn_group_commit_writes_count", "collection")),
        ]),
    )  # fmt: skip
