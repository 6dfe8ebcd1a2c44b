"""The doctor on real servers: a healthy deployment gives no finding, and each thing that is spoilt is found."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from services.cli import app
from services.doctor.catalogue import TITLES
from services.doctor.examination import CHECKS, Check, examine
from services.doctor.options import Options
from services.roles import SERVICES
from services.setup import create_all_indexes, create_topics
from shared.contracts.topics import EVENTS, all_topics, dead_letters
from shared.dkim_keys import generate_key, txt_record
from tests.fixtures.deployment import Deployment
from tests.fixtures.dns_server import Says
from tests.integration.doctor.estate import ADDRESS, DOMAIN, EHLO, HOST, PTR, Estate, open_estate


@pytest.fixture
async def estate(deployment: Deployment, tmp_path: Path) -> AsyncIterator[Estate]:
    async with open_estate(deployment, tmp_path) as made:
        yield made


def environment_of(estate: Estate, home: Path) -> dict[str, str | None]:
    """The settings as the operator's shell has them."""
    kept: dict[str, str | None] = {name: None for name in os.environ if name.startswith("POSTHORN_")}
    given = {f"POSTHORN_{name.upper()}": str(value) for name, value in estate.deployment.environment.items()}
    own = {
        "POSTHORN_HOME": str(home),
        "POSTHORN_TOPIC_PARTITIONS": "1",
        "POSTHORN_PLATFORM_ZONE": "mail.test",
        "POSTHORN_RETURNS_DOMAIN": "returns.mail.test",
        "POSTHORN_EHLO_NAME": EHLO,
        "POSTHORN_NAMESERVERS": json.dumps([estate.names.address]),
        "POSTHORN_DOCTOR_SMTP_DOOR": str(estate.options.smtp_door),
        "POSTHORN_DOCTOR_RETURN_DOOR": str(estate.options.return_door),
    }
    return {**kept, **given, **own}


async def run(estate: Estate, home: Path, *arguments: str, **environ: str | None) -> tuple[int, str, str]:
    options = estate.options
    given = [
        "doctor", "--mail-host", options.mail_hosts[0], "--health", options.health_urls[0],
        "--ntp", str(options.ntp_server), "--ca-file", str(options.ca_file), "--timeout", "8", *arguments,
    ]  # fmt: skip
    environment = {**environment_of(estate, home), **environ}
    ended = await asyncio.to_thread(CliRunner().invoke, app, given, env=environment)
    return ended.exit_code, ended.stdout, ended.stderr


async def test_a_healthy_deployment_is_well_and_a_spoilt_one_is_not(estate: Estate, tmp_path: Path) -> None:
    settings = estate.options.shared
    estate.deployment.topics = {topic.name for topic in all_topics()}
    await create_topics(settings)
    await create_all_indexes(estate.deployment.client, settings)
    try:
        code, out, err = await run(estate, tmp_path)
        assert (code, err) == (0, ""), out
        assert [line.split()[:2] for line in out.splitlines()] == [["ok", name] for name in TITLES]
        await estate.deployment.publish(dead_letters(EVENTS), [("m1", b"x", {})])
        await estate.deployment.database("sender")["deliveries"].drop_indexes()
        await spoil(estate, EVENTS, **{"retention.ms": "1000"})
        estate.health["status"] = 503
        code, out, err = await run(estate, tmp_path, "--json")
        assert (code, err) == (1, "")
        found = {each["check"]: each["findings"] for each in json.loads(out)["checks"] if each["findings"]}
        assert set(found) == {"dead-letters", "database", "topics", "services"}
        assert "has 1 dead letter" in found["dead-letters"][0]["problem"]
        assert "deliveries" in found["database"][0]["subject"]
        (topic,) = found["topics"]
        assert "has retention.ms=1000 and should have" in topic["problem"]
        assert f"--entity-name {settings.topic(EVENTS)} --add-config retention.ms=" in topic["fix"]
        assert "it answers 503" in found["services"][0]["problem"]
    finally:
        await estate.deployment.strip()


async def test_topics_that_are_not_there_or_are_otherwise_are_found(estate: Estate) -> None:
    (finding,) = await estate.find("topics")
    assert EVENTS in finding.subject
    assert "no such topic" in finding.problem
    assert not await estate.find("dead-letters")  # of none that are there


async def test_a_server_that_is_away_hides_nothing_of_the_others(estate: Estate) -> None:
    away = estate.options.shared.model_copy(
        update={"kafka_bootstrap": "127.0.0.1:1", "mongo_url": "mongodb://127.0.0.1:1/?replicaSet=rs0"}
    )
    estate.change(shared=away, seconds=2)
    results = {each.check: each for each in await examine(estate.options)}
    assert set(results) == set(TITLES)
    failed = {name for name, each in results.items() if each.failed}
    assert failed == {"names", "spf", "domains", "topics", "dead-letters", "database", "clock"}
    assert all("could not be looked at" in results[name].findings[0].problem for name in failed)


async def test_a_check_that_hangs_or_breaks_is_told_with_the_others(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(options: Options) -> None:
        await asyncio.Event().wait()

    async def breaks(options: Options) -> None:
        raise ZeroDivisionError("oh")

    made = (Check("clock", hangs, list), Check("names", breaks, list), next(c for c in CHECKS if c.name == "keys"))
    monkeypatch.setattr("services.doctor.examination.CHECKS", made)
    estate.change(seconds=0.2)
    hung, broken, keys = await examine(estate.options)
    assert "it took too long" in hung.findings[0].problem
    assert "ZeroDivisionError: oh" in broken.findings[0].problem
    assert not keys.findings


@pytest.mark.parametrize("check", ["names", "spf", "domains", "doors", "egress", "clock", "services", "keys"])
async def test_what_is_well_gives_no_finding(estate: Estate, check: str) -> None:
    assert await estate.find(check) == []


async def test_names_that_are_not_our_addresses(estate: Estate) -> None:
    estate.names.says(PTR, Says([f"{PTR}. 300 PTR host34.isp.test."]))
    (finding,) = await estate.find("names")
    assert finding.problem == f"{ADDRESS} resolves back to host34.isp.test"
    estate.names.says(PTR, Says(rcode="SERVFAIL"))
    assert "could not be looked at" in (await estate.find("names"))[0].problem
    estate.names.says(f"{EHLO}/A", Says([f"{EHLO}. 300 A 8.8.8.8"]))
    assert (await estate.find("names"))[0].problem == f"it does not lead to {ADDRESS}"


async def test_addresses_that_may_not_send(estate: Estate) -> None:
    estate.txt("_spf.mail.test", "v=spf1 ip4:8.8.8.8 -all")
    found = await estate.find("spf")
    assert [each.subject for each in found] == [
        f"SPF of {name} for {ADDRESS}" for name in ("returns.mail.test", f"bounce.{DOMAIN}")
    ]
    assert {each.problem for each in found} == {"the result is fail"}
    estate.txt("_spf.mail.test", "v=spf1 -all", "v=spf1 +all")
    assert "there are 2 SPF records" in (await estate.find("spf"))[0].problem
    estate.names.says("_spf.mail.test/TXT", Says(rcode="SERVFAIL"))
    assert "could not be looked up" in (await estate.find("spf"))[0].problem


async def test_spf_follows_hosts_too(estate: Estate) -> None:
    estate.txt("_spf.mail.test", f"v=spf1 a:{EHLO} -all")
    assert await estate.find("spf") == []
    estate.txt("_spf.mail.test", "v=spf1 mx:mail.test -all")
    estate.names.says("mail.test/MX", Says([f"mail.test. 300 MX 10 {EHLO}."]))
    assert await estate.find("spf") == []


async def test_domains_whose_records_do_not_match(estate: Estate) -> None:
    name = f"ph1._domainkey.{DOMAIN}"
    estate.names.says(name, Says([f'{name}. 300 TXT "v=DKIM1; k=rsa; p=MIGfMA0"']))
    (finding,) = await estate.find("domains")
    assert finding.subject == name
    assert finding.fix == f"Publish TXT {name} with `{estate.dkim}`."
    await estate.domain()
    estate.names.says(f"_dmarc.{DOMAIN}", Says(rcode="NXDOMAIN"))
    (finding,) = await estate.find("domains")
    assert (finding.subject, finding.problem) == (f"_dmarc.{DOMAIN}", "dmarc is not published")
    estate.txt(f"_dmarc.{DOMAIN}", "v=DMARC1; p=none; aspf=s")
    assert "strict SPF alignment" in (await estate.find("domains"))[0].problem


async def test_the_platforms_own_signature(estate: Estate, tmp_path: Path) -> None:
    private, public = await asyncio.to_thread(generate_key, 2048)
    file = tmp_path / "dkim.pem"
    file.write_text(private)
    named = {"dkim_domain": "mail.test", "dkim_selector": "p1", "dkim_key_file": file}
    estate.change(sender=estate.options.sender.model_copy(update=named))
    name = "p1._domainkey.mail.test"
    (finding,) = await estate.find("domains")
    assert (finding.subject, finding.problem) == (name, "dkim is not published")
    record = txt_record(public)
    estate.names.says(name, Says([f'{name}. 300 TXT "{record[:250]}" "{record[250:]}"']))
    assert await estate.find("domains") == []
    file.unlink()
    (finding,) = await estate.find("domains")
    assert "cannot be read" in finding.problem


async def test_keys_that_do_not_open_sign_nothing(estate: Estate) -> None:
    other = Deployment.settings(estate.deployment, type(estate.options.shared), encryption_key="QUJD" * 12)
    estate.change(shared=other)
    (finding,) = await estate.find("domains")
    assert "does not open with POSTHORN_ENCRYPTION_KEY" in finding.problem


async def test_doors_that_are_not_as_they_should_be(estate: Estate) -> None:
    now = datetime.now(UTC)
    good = {"not_after": now + timedelta(days=60)}
    for tls, problem in (
        (estate.tls("other.test", **good), "its certificate is for other.test"),
        (estate.tls(not_before=now - timedelta(days=9), not_after=now - timedelta(days=1)), "its certificate ended"),
        (estate.tls(not_after=now + timedelta(days=5)), "its certificate ends in 4 days"),
    ):
        estate.change(smtp_door=await estate.door(tls))
        (finding,) = await estate.find("doors")
        assert problem in finding.problem
    estate.change(smtp_door=await estate.door(estate.tls(**good)), ca_file=None)
    assert {each.level for each in await estate.find("doors")} == {"fail", "warn"}  # the return door's may be anybody's
    assert all("do not trust its certificate" in each.problem for each in await estate.find("doors"))


async def test_doors_that_do_not_speak_tls_or_do_not_speak(estate: Estate) -> None:
    for door, problem in (
        (await estate.door(None, extensions=()), "does not offer STARTTLS"),
        (await estate.door(None, STARTTLS="454 4.7.0 not now"), "offers STARTTLS and then does not do it"),
        (await estate.door(None, STARTTLS="220 go ahead"), "offers STARTTLS and then does not do it"),
        (await estate.door(None, BANNER="421 busy"), "does not want to talk: 421 busy"),
        (f"{HOST}:1", "does not answer"),
    ):
        estate.change(smtp_door=door, seconds=2)
        (finding,) = await estate.find("doors")
        assert problem in finding.problem


async def test_no_way_out(estate: Estate) -> None:
    good = estate.options.mail_hosts[0]
    estate.change(mail_hosts=("127.0.0.1:1", "127.0.0.1:1"))
    (finding,) = await estate.find("egress")
    assert "no mail host can be reached" in finding.problem
    estate.change(mail_hosts=(good, "127.0.0.1:1"))
    assert [(each.level, each.subject) for each in await estate.find("egress")] == [("warn", "127.0.0.1:1")]
    estate.change(mail_hosts=(await estate.door(None, BANNER="554 5.7.1 no"),))
    assert "does not want to talk" in (await estate.find("egress"))[0].problem


async def test_a_clock_that_is_wrong(estate: Estate) -> None:
    estate.clock["ahead"] = 60
    (finding,) = await estate.find("clock")
    assert finding.subject == estate.options.ntp_server
    assert "ahead of the clock here" in finding.problem
    estate.change(ntp_server="127.0.0.1:1")
    assert await estate.find("clock") == []  # one that cannot be reached says nothing


async def test_keys_that_are_the_same(estate: Estate) -> None:
    shared = estate.options.shared
    same = Deployment.settings(estate.deployment, type(shared), token_key=shared.pepper.get_secret_value())
    estate.change(shared=same)
    (finding,) = await estate.find("keys")
    assert (finding.subject, finding.problem.partition(":")[0]) == (
        "POSTHORN_TOKEN_KEY", "is the same key as POSTHORN_PEPPER",
    )  # fmt: skip


async def test_a_database_without_indexes_or_a_majority(estate: Estate) -> None:
    found = await estate.find("database")
    assert {each.problem.split(" ")[1] for each in found} == {"no"}
    assert {each.subject.split("_")[-1].split(".")[0] for each in found} >= set(SERVICES) - {"webhooks"}
    estate.change(shared=estate.options.shared.model_copy(update={"profile": "production"}))
    assert "fewer than 3 members (1)" in {each.problem.partition(" has ")[2].partition(":")[0] for each in (
        await estate.find("database")) if each.level == "warn"}  # fmt: skip


async def test_settings_that_are_missing_are_the_first_finding(estate: Estate, tmp_path: Path) -> None:
    code, out, err = await run(estate, tmp_path, POSTHORN_PEPPER=None, POSTHORN_TOKEN_KEY="c2hvcnQ=")
    assert (code, err) == (1, "")
    assert "fail  settings      POSTHORN_PEPPER: Field required" in out
    assert "POSTHORN_TOKEN_KEY" in out
    assert "c2hvcnQ" not in out


async def test_what_is_not_named_is_left_out(estate: Estate, tmp_path: Path) -> None:
    skipped = [name for name in TITLES if name not in ("keys", "doors", "services")]
    arguments = [part for name in skipped for part in ("--skip", name)]
    without = {"POSTHORN_DOCTOR_SMTP_DOOR": None, "POSTHORN_DOCTOR_RETURN_DOOR": None}
    code, out, err = await run(estate, tmp_path, *arguments, **without)
    assert (code, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()] == [["ok", "keys"], ["skip", "doors"], ["ok", "services"]]
    code, _, err = await run(estate, tmp_path, "--skip", "luck")
    assert code == 2
    assert "no such check: luck" in err


async def spoil(estate: Estate, topic: str, **config: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=estate.options.shared.kafka_bootstrap)
    await admin.start()
    try:
        name = estate.options.shared.topic(topic)
        there = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        own = {entry[0]: entry[1] for entry in there[0].resources[0][4] if entry[3] == 1}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {**own, **config})])
    finally:
        await admin.close()
