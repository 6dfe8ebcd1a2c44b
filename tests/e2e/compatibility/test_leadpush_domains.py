"""Leadpush's domains and sender addresses: https://leadpush.io/docs/developer/domains-api."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from leadpush import ForbiddenError, NotFoundError, ValidationError

from shared.tokens import uuid7
from tests.e2e.account import Account
from tests.e2e.compatibility.leadpush_client import POSTAL, domain_of, leadpush, new_workspace

ADDRESS = {"address": "receipts", "display_name": "Acme Receipts", "reply_to": "help@acme.example", **POSTAL}


def a_name() -> str:
    return f"d{secrets.token_hex(4)}.example"


async def test_a_domain_is_created_with_selectors_and_tracking(account: Account) -> None:
    async with leadpush(account) as client:
        name = a_name()
        domain = await client.domains.create(
            name=name, dkim_selectors=["tencharact"], tracking_subdomain="go", tracking_mode="cloudflare"
        )
        names = [record.name for record in domain.dns]
        assert f"tencharact._domainkey.{name}" in names
        assert f"go.{name}" in names
        shown = domain.to_dict()
        assert (shown["tracking_subdomain"], shown["tracking_mode"]) == ("go", "cloudflare")
        await domain.delete()
        faults: list[tuple[dict[str, Any], str]] = [
            ({"dkim_selectors": ["elevenchars"]}, "#/dkim_selectors/0"),
            ({"tracking_subdomain": "two.labels"}, "#/tracking_subdomain"),
            ({"tracking_mode": "direct"}, "#/tracking_mode"),
            ({"tracking_subdomain": "go", "tracking_mode": "other"}, "#/tracking_mode"),
            ({"provider": "aws"}, "#/provider"),
            ({"provider": "leadpush"}, "#/provider"),
            ({"name": "not a domain"}, "#/name"),
        ]
        for fields, pointer in faults:
            with pytest.raises(ValidationError) as refused:
                await client.post("domains", {"name": a_name(), **fields})
            assert [fault["pointer"] for fault in refused.value.response["errors"]] == [pointer], fields


async def test_domains_need_a_feature_and_have_a_most(account: Account) -> None:
    _, without = await new_workspace(account)
    async with leadpush(account, without) as client:
        with pytest.raises(ForbiddenError) as poor:
            await client.domains.create(name=a_name())
    _, bounded = await new_workspace(account, features=["domains.enabled"], max_domains=1)
    async with leadpush(account, bounded) as client:
        await client.domains.create(name=a_name())
        with pytest.raises(ForbiddenError) as full:
            await client.domains.create(name=a_name())
    told = [(error.value.response["error"], error.value.response["feature"]) for error in (poor, full)]
    assert told == [("upgrade_needed", "domains.enabled"), ("limit_exceeded", "domains.max")]


async def test_a_domain_has_the_fields_and_the_verification_that_the_library_reads(account: Account) -> None:
    name = a_name()
    async with leadpush(account) as client:
        domain = await client.domains.create(name=name)
        assert (domain.name, domain.domain, domain.provider, domain.status) == (name, name, "leadpush", "pending")
        assert (domain.verified, domain.verification) == (False, "pending")
        assert (domain.mail_from_domain, domain.mail_from_verified) == (f"bounce.{name}", False)
        assert domain.updated_at >= domain.created_at
        assert {(record.type in ("TXT", "CNAME"), record.is_valid) for record in domain.dns} == {(True, False)}
        assert all(record.name.endswith(name) and record.value for record in domain.dns)
        looked = await client.domains.verify(domain.uuid)
        assert (looked.uuid, looked.verified, looked.verification) == (domain.uuid, False, "pending")
        assert looked.to_dict()["checked_at"]
        await domain.verify()
        await client.domains.delete(domain.uuid)
        own = await client.domains.get((await domain_of(account))["uuid"])
        assert (own.verified, own.verification) == (True, "completed")


async def test_an_address_is_a_local_part_with_its_postal_fields(account: Account) -> None:
    async with leadpush(account) as client:
        domain = await client.domains.create(name=a_name())
        made = await domain.addresses.create(**ADDRESS, company_address_2="Floor 2")
        assert (made.address, made.full_address) == ("receipts", f"receipts@{domain.name}")
        assert (made.domain_uuid, made.provider, made.verification) == (domain.uuid, "leadpush", "pending")
        shown = made.to_dict()
        assert {name: shown[name] for name in ADDRESS} == ADDRESS
        assert (await client.domains.addresses(domain.uuid).get(made.uuid)).to_dict() == shown
        for name in ADDRESS:
            body = {"company_address_2": None, **ADDRESS}
            body.pop(name)
            with pytest.raises(ValidationError) as missing:
                await client.post(["domains", domain.uuid, "addresses"], body)
            assert [fault["pointer"] for fault in missing.value.response["errors"]] == [f"#/{name}"]
        with pytest.raises(ValidationError) as whole:
            await domain.addresses.create(**{**ADDRESS, "address": f"a@{domain.name}"})
        assert whole.value.response["errors"][0]["pointer"] == "#/address"
        await made.delete()
        with pytest.raises(NotFoundError):
            await domain.addresses.get(made.uuid)
        await domain.delete()


async def test_addresses_of_foreign_domains_are_not_found(account: Account, stranger: Account) -> None:
    theirs = (await domain_of(stranger))["uuid"]
    async with leadpush(account) as client:
        for domain in (theirs, uuid7(), "gmail.com"):
            with pytest.raises(NotFoundError):
                await client.domains.addresses(domain).create(**ADDRESS)
            with pytest.raises(NotFoundError):
                await client.domains.addresses(domain).list()
