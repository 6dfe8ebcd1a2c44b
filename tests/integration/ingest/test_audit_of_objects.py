"""The audit log of what a workspace sends with: domains, their addresses, templates."""

from __future__ import annotations

from typing import Any

from shared.contracts.entities import Kind
from tests.integration.ingest.conftest import Door, make_workspace
from tests.integration.ingest.documented import Asker

TEMPLATE = {"name": "Welcome", "subject": "Hello {{name}}", "text": "the-very-text"}
ADDRESS = {
    "address": "billing",
    "display_name": "the-very-name",
    "reply_to": "help@shop.example",
    **{f"company_{part}": "the-very-company" for part in ("address", "city", "state", "zip")},
    "company_country": "DE",
}


async def test_changes_of_domains_addresses_and_templates_are_told(door: Door) -> None:
    workspace, text = await make_workspace(
        door.workspaces, features=["smtp.enabled", "domains.enabled", "templates.enabled"]
    )
    key = Asker(door, text)
    domain = (await key.ask(201, "POST", "/v1/domains", {"name": "shop.example"}))["data"]
    at = f"/v1/domains/{domain['uuid']}"
    address = (await key.ask(201, "POST", f"{at}/addresses", ADDRESS))["data"]
    await key.ask(204, "DELETE", f"{at}/addresses/{address['uuid']}")
    await key.ask(204, "DELETE", at)
    template = await key.ask(201, "POST", "/v1/templates", TEMPLATE)
    await key.ask(200, "PATCH", f"/v1/templates/{template['id']}", {"text": "another-text"})
    await key.ask(200, "PATCH", f"/v1/templates/{template['id']}", {"text": "another-text"})  # changes nothing
    await key.ask(204, "DELETE", f"/v1/templates/{template['id']}")

    entries = (await key.ask(200, "GET", "/v1/audit", limit=100))["data"]
    told = [(one["action"], one["object"]["id"], one["object"]["version"]) for one in reversed(entries)][2:]
    assert told == [
        ("domain.created", domain["uuid"], 1),
        ("sender.created", address["uuid"], 1),
        ("sender.deleted", address["uuid"], 2),
        ("domain.deleted", domain["uuid"], 2),
        ("template.created", template["id"], 1),
        ("template.changed", template["id"], 2),
        ("template.deleted", template["id"], 3),
    ]
    assert {one["actor"]["kind"] for one in entries[:7]} == {"api_key"}
    fields: dict[str, Any] = {one["action"]: one["fields"] for one in entries}
    assert {"keys", "name", "ownership"} <= set(fields["domain.created"])
    assert fields["template.changed"] == ["changed_at", "text"]
    database = door.deployment.database("ingest")
    kept = await database[Kind.DOMAIN].find_one({"_id": domain["uuid"]})
    assert kept is not None
    shown = str(await database["audit"].find({"workspace_id": workspace.id}).to_list(None))
    for secret in (
        "the-very-name",
        "the-very-company",
        "the-very-text",
        "shop.example",
        "private",
        kept["data"]["ownership"],
    ):
        assert secret not in shown
    for kind in (Kind.DOMAIN, Kind.SENDER, Kind.TEMPLATE):
        assert not await database[kind].find_one({"audit.0": {"$exists": True}})
