"""Domains and addresses as callers see them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.ingest.domains.records import Purpose, Wanted, Zone, return_path_of, wanted_records
from services.ingest.domains.requests import Page
from services.ingest.domains.rotation import is_rotating
from services.ingest.domains.standing import status_of, verification_of
from services.ingest.store.domains import KeptDomain, KeptSender
from shared.contracts.entities import Company
from shared.contracts.record import rfc3339

PROVIDER = "leadpush"  # what the client libraries of that name know; there is one provider
NOT_LOOKED_UP = {"is_valid": False, "found": [], "problem": "has not been looked up yet", "warning": None}


def domain_view(kept: KeptDomain, zone: Zone, now: datetime, patience: timedelta) -> dict[str, Any]:
    """The domain with its records; `patience` is how long a new one's verification may take."""
    domain, check = kept.domain, kept.check
    reports = {report["name"]: report for report in check.get("records", ())}
    wanted = wanted_records(domain, zone)
    returns = next(record for record in wanted if record.purpose is Purpose.RETURN_PATH)
    return {
        "uuid": kept.id,
        "name": domain.name,
        "domain": domain.name,
        "verified": domain.verified,
        "provider": PROVIDER,
        "status": status_of(domain).value,
        "verification": verification_of(domain, now, patience).value,
        "mail_from_domain": return_path_of(domain.name),
        "mail_from_verified": reports.get(returns.name, NOT_LOOKED_UP)["is_valid"],
        "dns": [_record(record, reports.get(record.name, NOT_LOOKED_UP)) for record in wanted],
        "dkim": [
            {
                "selector": key.selector,
                "algorithm": key.algorithm,
                "state": key.state.value,
                "since": _moment(key.since),
            }
            for key in domain.keys
        ],
        "dkim_ed25519": domain.dkim_ed25519,
        "rotating": is_rotating(domain),
        "declared": domain.declared,
        "tracking_subdomain": domain.tracking_subdomain,
        "tracking_mode": domain.tracking_mode,
        "warnings": list(check.get("warnings", ())),
        "lost_since": _moment(domain.lost_since),
        "checked_at": _moment(check.get("checked_at")),
        "next_check_at": _moment(check.get("next_at")),
        "created_at": rfc3339(domain.created_at or kept.changed_at),
        "updated_at": rfc3339(kept.changed_at),
    }


def address_view(kept: KeptSender, domain: KeptDomain, now: datetime, patience: timedelta) -> dict[str, Any]:
    sender = kept.sender
    return {
        "uuid": kept.id,
        "domain_uuid": domain.id,
        "address": sender.address.rpartition("@")[0],
        "full_address": sender.address,
        "provider": PROVIDER,
        "display_name": sender.name or "",
        "reply_to": sender.reply_to,
        **_company(sender.company),
        "verification": verification_of(domain.domain, now, patience).value,
        "created_at": rfc3339(sender.created_at or kept.changed_at),
        "updated_at": rfc3339(kept.changed_at),
    }


def page_meta(page: Page, total: int) -> dict[str, Any]:
    last = max(1, -(-total // page.per_page))
    return {
        "current_page": page.page,
        "per_page": page.per_page,
        "total": total,
        "last_page": last,
        "has_next": page.page < last,
    }


def _record(wanted: Wanted, report: Mapping[str, Any]) -> dict[str, Any]:
    problem, warning = report["problem"], report["warning"]
    return {
        "type": wanted.type,
        "name": wanted.name,
        "value": wanted.value,
        "is_valid": report["is_valid"],
        "purpose": wanted.purpose.value,
        "required": wanted.required,
        "selector": wanted.selector,
        "found": list(report["found"]),
        "problem": problem and f"The record {problem}.",
        "warning": warning and f"The record {warning}.",
    }


def _company(company: Company | None) -> dict[str, str | None]:
    names = ("address", "address_2", "city", "state", "zip", "country")
    return {f"company_{name}": getattr(company, name, None) for name in names}


def _moment(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
