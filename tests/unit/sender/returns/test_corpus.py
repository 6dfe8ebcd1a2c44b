"""Each form in which mail comes back, and what it means."""

from __future__ import annotations

from typing import Any

import pytest

from services.sender.returns.addresses import ReturnAddresses, ReturnKind
from services.sender.returns.decisions import meaning_of, named_messages
from services.sender.returns.reports import AutoReply, Complaint, Mail, read_report
from shared.contracts.events import EventType
from tests.unit.sender.returns.corpus import FOLDER, MESSAGE_ID, NAMES, ROWS, raw

ADDRESSES = ReturnAddresses(b"k" * 32)
VERP = ADDRESSES.make(ReturnKind.BOUNCE, MESSAGE_ID, "bounce.acme.example")


def test_every_file_has_its_row() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.eml")) == NAMES


@pytest.mark.parametrize(
    ("name", "kind", "type_", "data"), ROWS, ids=lambda each: getattr(each, "name", str(each))[:40]
)
def test_what_comes_back_means_this(name: str, kind: ReturnKind | None, type_: EventType, data: dict[str, Any]) -> None:
    for sender in ("", "somebody@mailbox.example"):
        returned = read_report(raw(name, VERP), sender)
        meaning = meaning_of(returned.report, kind, EventType.RELAYED)
        if name == "reply-gmail" and not sender:  # nobody reads what is answered to the null path
            assert meaning.type is EventType.AUTO_REPLY
            continue
        assert (meaning.type, {each: meaning.data.get(each) for each in data}) == (type_, data)
        assert meaning.is_reply == (type_ is EventType.REPLIED)


@pytest.mark.parametrize("name", [row[0] for row in ROWS if row[1] is None])
def test_a_complaint_names_the_message_that_it_is_about(name: str) -> None:
    report = read_report(raw(name, VERP), "").report
    assert isinstance(report, Complaint | AutoReply | Mail)
    assert named_messages(report.mentions, ADDRESSES.read) == [MESSAGE_ID]


def test_a_complaint_that_names_another_message_by_an_address_that_is_not_ours_counts_by_its_message_id() -> None:
    forged = VERP.replace("b+", "b+a", 1)[: len(VERP)]
    report = read_report(raw("arf-yahoo", forged), "").report
    assert isinstance(report, Complaint)
    assert named_messages(report.mentions, ADDRESSES.read) == [MESSAGE_ID]
    assert named_messages(("<not-an-id@acme.example>", "x"), ADDRESSES.read) == []


def test_what_arrived_is_not_said_to_arrive_again() -> None:
    report = read_report(raw("relay-delivered"), "").report
    for last in (EventType.DELIVERED, EventType.BOUNCED):
        assert meaning_of(report, ReturnKind.BOUNCE, last).type is EventType.REPORTED


def test_the_digest_is_of_what_was_written_and_not_of_its_way() -> None:
    first = raw("postfix-unknown")
    again = b"Received: from relay.example; now\r\n" + first
    other = first.replace(b"User unknown", b"No such user")
    digests = [read_report(each, "").digest for each in (first, again, other)]
    assert digests[0] == digests[1] != digests[2]


def test_what_has_passed_too_many_hosts_goes_round_in_circles() -> None:
    hop = b"Received: from here.example by there.example\r\n"
    assert not read_report(hop * 50 + raw("reply-gmail"), "a@b.test").circles
    assert read_report(hop * 51 + raw("reply-gmail"), "a@b.test").circles
