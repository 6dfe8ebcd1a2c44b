"""Whether one resolver's answers show a record as it is wanted."""

from __future__ import annotations

from dataclasses import dataclass

from services.ingest.domains.dkim_record import problem_of_key, problem_of_revoked, warning_of_key
from services.ingest.domains.policies import dmarc_records, problem_of_dmarc, problem_of_spf, warning_of_dmarc
from services.ingest.domains.records import Answer, Answers, Purpose, Question, Wanted, Zone, tree_walk
from shared.contracts.entities import Domain, KeyState

MOST_FOUND, LONGEST_FOUND = 5, 1000


@dataclass(frozen=True, slots=True)
class Judged:
    """`valid` is None where the DNS did not tell; `failure` says why then. `found` is what stands there instead."""

    valid: bool | None
    found: tuple[str, ...] = ()
    problem: str | None = None
    warning: str | None = None
    failure: str | None = None


def judge(wanted: Wanted, domain: Domain, zone: Zone, answers: Answers) -> Judged:
    """One record, by one resolver's answers to `questions_of` the domain."""
    if wanted.purpose is Purpose.DKIM:
        return _dkim(wanted, domain, answers)
    if wanted.purpose is Purpose.RETURN_PATH:
        return _return_path(wanted, zone, answers)
    if wanted.purpose is Purpose.DMARC:
        return _dmarc(domain, answers)
    if wanted.purpose is Purpose.TRACKING:
        return _tracking(wanted, domain, answers)
    return _ownership(wanted, answers)


def null_mx_warning(domain: Domain, answers: Answers) -> str | None:
    """A domain that says it takes no mail (RFC 7505) is refused as a sender by some receivers (5.7.27)."""
    if answers[Question(domain.name, "MX")].records == ("0 ",):
        return "The domain has a null MX (RFC 7505): receivers may refuse mail from it."
    return None


def _ownership(wanted: Wanted, answers: Answers) -> Judged:
    answer = answers[Question(wanted.name, "TXT")]
    if answer.failure:
        return _unknown(answer)
    shown = wanted.value in (text.strip() for text in answer.records)
    return _judged(answer, None if shown else "is not published" if not answer.records else "has another value")


def _dkim(wanted: Wanted, domain: Domain, answers: Answers) -> Judged:
    answer = answers[Question(wanted.name, "TXT")]
    if answer.failure:
        return _unknown(answer)
    key = next(key for key in domain.keys if key.selector == wanted.selector)
    if key.state is KeyState.REVOKED:
        return _judged(answer, problem_of_revoked(answer.records))
    return _judged(
        answer, problem_of_key(answer.records, key.public_key, key.algorithm), warning_of_key(answer.records)
    )


def _return_path(wanted: Wanted, zone: Zone, answers: Answers) -> Judged:
    """A CNAME to the platform, or an MX to it and an SPF record that includes its own."""
    alias, mx, texts = (answers[Question(wanted.name, kind)] for kind in ("CNAME", "MX", "TXT"))
    if alias.records:
        return _judged(alias, None if alias.records == (wanted.value,) else "leads elsewhere")
    if alias.failure or mx.failure:
        return _unknown(alias if alias.failure else mx)
    if not mx.records:
        return _judged(mx, "is not published")
    hosts = [record.partition(" ")[2] for record in mx.records]
    if hosts != [zone.returns]:
        return _judged(mx, f"has MX records that do not lead to {zone.returns} alone")
    if texts.failure:
        return _unknown(texts)
    return _judged(Answer(mx.records + texts.records), problem_of_spf(texts.records, zone.spf))


def _dmarc(domain: Domain, answers: Answers) -> Judged:
    """The domain's own policy, else the one of the organisation that it belongs to: the highest of the walk."""
    walked = [answers[Question(f"_dmarc.{name}", "TXT")] for name in tree_walk(domain.name)]
    own, *above = (dmarc_records(answer.records) for answer in walked)
    records = own or next((found for found in reversed(above) if found), [])
    failed = next((answer for answer in walked if answer.failure), None)
    if failed is not None and not own:
        return _unknown(failed)
    return _judged(Answer(tuple(records)), problem_of_dmarc(records), warning_of_dmarc(records))


def _tracking(wanted: Wanted, domain: Domain, answers: Answers) -> Judged:
    """A CNAME to the platform; behind Cloudflare's proxy only addresses of the proxy are to be seen."""
    alias = answers[Question(wanted.name, "CNAME")]
    if alias.records or domain.tracking_mode != "cloudflare":
        if alias.failure:
            return _unknown(alias)
        wrong = "leads elsewhere" if alias.records else "is not published"
        return _judged(alias, None if alias.records == (wanted.value,) else wrong)
    addresses = [answers[Question(wanted.name, kind)] for kind in ("A", "AAAA")]
    shown = Answer(tuple(record for answer in addresses for record in answer.records))
    failed = next((answer for answer in (alias, *addresses) if answer.failure), None)
    if failed is not None and not shown.records:
        return _unknown(failed)
    return _judged(shown, None if shown.records else "is not published")


def _judged(answer: Answer, problem: str | None, warning: str | None = None) -> Judged:
    found = tuple(record[:LONGEST_FOUND] for record in answer.records[:MOST_FOUND])
    return Judged(problem is None, found, problem, warning)


def _unknown(answer: Answer) -> Judged:
    return Judged(None, failure=answer.failure)
