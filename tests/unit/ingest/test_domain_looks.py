"""What several resolvers show together, and what is kept of a look whose questions failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domains.judging import Judged
from services.ingest.domains.lifecycle import Periods, settled
from services.ingest.domains.looks import Look, agreed, kept_check, look_of, without_name
from services.ingest.domains.records import Answer, Question, Wanted, Zone, questions_of, wanted_records
from shared.contracts.entities import DkimKeyPair, Domain, KeyState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ZONE = Zone("returns.mail.test", "track.mail.test", "_spf.mail.test")
KEY = DkimKeyPair(selector="ph1", public_key="cHVibGlj", private_key="", state=KeyState.PENDING)
DOMAIN = Domain(
    name="mail.acme.test",
    verified=False,
    keys=[KEY],
    ownership="t0ken",
    tracking_subdomain="go",
    tracking_mode="direct",
)
GOOD = {
    Question("_posthorn.mail.acme.test", "TXT"): ("posthorn-verification=t0ken", "something else"),
    Question("ph1._domainkey.mail.acme.test", "TXT"): ("v=DKIM1; p=cHVi bGlj",),
    Question("bounce.mail.acme.test", "CNAME"): ("returns.mail.test",),
    Question("_dmarc.acme.test", "TXT"): ("v=DMARC1; p=reject",),
    Question("go.mail.acme.test", "CNAME"): ("track.mail.test",),
}
Records = dict[Question, tuple[str, ...]]


def opinion(valid: bool | None) -> Judged:
    return Judged(valid, problem=None if valid else "is wrong", failure="SERVFAIL" if valid is None else None)


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=5))
def test_what_failed_never_decides(opinions: list[bool | None]) -> None:
    verdict = agreed([opinion(valid) for valid in opinions]).valid
    unknown = opinions.count(None)
    known = [valid for valid in opinions if valid is not None]
    possible = {
        known.count(True) + sum(filled) >= min(2, len(opinions)) for filled in product([True, False], repeat=unknown)
    }
    assert possible == ({verdict} if verdict is not None else {True, False})


def look(changes: Records | None = None, domain: Domain = DOMAIN, failing: set[Question] | None = None) -> Look:
    records = {**GOOD, **(changes or {})}
    asked = questions_of(domain, wanted_records(domain, ZONE))
    one = {
        each: Answer(failure="SERVFAIL") if each in (failing or set()) else Answer(records.get(each, ()))
        for each in asked
    }
    return look_of(domain, ZONE, [one], NOW)


def verdicts(of: Look) -> dict[str, bool | None]:
    return {record.purpose: of.judged[record.name].valid for record in of.wanted}


def test_a_domain_that_shows_all_of_its_records() -> None:
    seen = look()
    assert set(verdicts(seen).values()) == {True}
    assert (seen.owned, seen.shown_keys, seen.unsure, seen.warnings) == (True, {"ph1": True}, False, ())


def test_the_return_path_may_be_an_mx_with_an_spf_record() -> None:
    name = "bounce.mail.acme.test"
    mx, txt, cname = (Question(name, kind) for kind in ("MX", "TXT", "CNAME"))
    by_mx: Records = {cname: (), mx: ("10 returns.mail.test",), txt: ("v=spf1 include:_spf.mail.test -all",)}
    for changes, valid in (
        (by_mx, True),
        ({**by_mx, txt: ()}, False),
        ({**by_mx, mx: ("10 mx.elsewhere.test",)}, False),
        ({**by_mx, mx: ("10 returns.mail.test", "20 mx.elsewhere.test")}, False),
        ({cname: ()}, False),
        ({cname: ("elsewhere.test",)}, False),
    ):
        assert verdicts(look(changes))["return_path"] is valid, changes
    for failed in (cname, mx, txt):
        assert verdicts(look(by_mx, failing={failed}))["return_path"] is None


def test_the_return_path_is_used_while_the_dns_shows_it() -> None:
    day = timedelta(days=1)
    periods = Periods(retiring=day, rotation=day, grace=day, check=day)
    cname = Question("bounce.mail.acme.test", "CNAME")
    seen, gone, unknown = look(), look({cname: ()}), look(failing={cname})
    for before, looked, after in (
        (None, seen, "bounce.mail.acme.test"),
        ("bounce.mail.acme.test", seen, "bounce.mail.acme.test"),
        ("bounce.mail.acme.test", unknown, "bounce.mail.acme.test"),
        (None, unknown, None),
        ("bounce.mail.acme.test", gone, None),
    ):
        domain = DOMAIN.with_changes(return_path=before)
        assert settled(domain, looked, periods, exclusive=True).return_path == after


def test_tracking_behind_a_proxy_shows_only_addresses() -> None:
    cname, address = Question("go.mail.acme.test", "CNAME"), Question("go.mail.acme.test", "AAAA")
    proxied = DOMAIN.with_changes(tracking_mode="cloudflare")
    for domain, changes, valid in (
        (DOMAIN, {cname: (), address: ("2001:db8::1",)}, False),
        (proxied, {cname: (), address: ("2001:db8::1",)}, True),
        (proxied, {}, True),
        (proxied, {cname: ()}, False),
        (proxied, {cname: ("elsewhere.test",), address: ("2001:db8::1",)}, False),
    ):
        assert verdicts(look(changes, domain))["tracking"] is valid, (domain.tracking_mode, changes)
    assert verdicts(look({cname: ()}, proxied, {address}))["tracking"] is None


def test_dmarc_is_the_domains_own_or_its_organisations_and_never_a_bar() -> None:
    own, above = Question("_dmarc.mail.acme.test", "TXT"), Question("_dmarc.acme.test", "TXT")
    for changes, failing, valid in (
        ({}, set(), True),
        ({above: ()}, set(), False),
        ({own: ("v=DMARC1; p=x",)}, set(), False),
        ({own: ("v=DMARC1; p=none",), above: ()}, set(), True),
        ({}, {own}, None),
        ({own: ("v=DMARC1; p=none",)}, {above}, True),
    ):
        seen = look(changes, failing=failing)
        assert verdicts(seen)["dmarc"] is valid, (changes, failing)
        assert not seen.unsure
    assert "ri=" in (look({own: ("v=DMARC1; p=none; ri=1",)}).judged["_dmarc.mail.acme.test"].warning or "")


def test_a_null_mx_is_told() -> None:
    assert look({Question("mail.acme.test", "MX"): ("0 ",)}).warnings == (
        "The domain has a null MX (RFC 7505): receivers may refuse mail from it.",
    )
    assert not look({Question("mail.acme.test", "MX"): ("10 mx.acme.test",)}).warnings


def test_what_could_not_be_asked_stays_as_it_was_and_is_told() -> None:
    wanted = wanted_records(DOMAIN, ZONE)
    first = kept_check(look(), {}, wanted)
    failing = {Question(record.name, record.type) for record in wanted}
    second = kept_check(look(failing=failing), first, wanted)
    assert [report["is_valid"] for report in second["records"]] == [True] * 5
    assert [report["found"] for report in second["records"]] == [report["found"] for report in first["records"]]
    assert all("SERVFAIL" in report["problem"] for report in second["records"])
    nothing_known = kept_check(look(failing=failing), {}, wanted)
    assert [report["is_valid"] for report in nothing_known["records"]] == [False] * 5
    unsure = look(failing=failing)
    assert (unsure.owned, unsure.shown_keys, unsure.unsure) == (None, {"ph1": None}, True)


def test_what_is_to_be_published_otherwise_now_is_not_told_as_looked_up() -> None:
    revoked = DOMAIN.with_changes(keys=[KEY.with_changes(state=KeyState.REVOKED, public_key="")])
    kept = kept_check(look(), {}, wanted_records(revoked, ZONE))
    assert "ph1._domainkey.mail.acme.test" not in [report["name"] for report in kept["records"]]


def test_a_domain_that_is_another_workspaces_is_not_owned() -> None:
    assert without_name(look()).owned is False
    assert look(domain=DOMAIN.with_changes(ownership="")).owned is False


def test_every_record_has_its_own_name() -> None:
    """Reports are kept by name."""
    wanted: list[Wanted] = wanted_records(DOMAIN, ZONE)
    assert len({record.name for record in wanted}) == len(wanted)
