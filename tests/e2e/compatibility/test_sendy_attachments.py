"""Sendy: files by form and by JSON, which come to the same (seed 004)."""

from __future__ import annotations

import os
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.record import rfc3339
from tests.e2e.account import Account, fresh
from tests.e2e.compatibility.scoped_keys import operator_of
from tests.e2e.compatibility.sendy_caller import EMAILS, FORM, SEND, code_of, data_of, email, welcome
from tests.e2e.test_doors import received

MB = 1024 * 1024
PDF = b"%PDF-1.7 \x00\xff"


async def test_every_file_part_is_attached_whatever_its_field_is_called(account: Account) -> None:
    to = fresh("ok")
    names = ["attachments", "file", "files[]", "files[]", "x", "1", "a b", "ö", "attachments[0]", "attachment"]
    files = [(name, (f"{place}.bin", os.urandom(64), "application/x-own")) for place, name in enumerate(names)]
    made = data_of(await account.http.post(FORM, data=welcome(to), files=files))
    assert made["status"] == "queued"
    got = [(file.get_filename(), file.get_content()) for file in (await received(account, to)).iter_attachments()]
    assert got == [(name, content) for _, (name, content, _) in files]


async def test_a_form_takes_no_more_than_ten_files(account: Account) -> None:
    files = [("files[]", (f"{number}.txt", b"x")) for number in range(11)]
    reply = await account.http.post(FORM, data=welcome(fresh("ok")), files=files)
    assert code_of(reply) == (413, "PAYLOAD_TOO_LARGE")


async def test_files_by_json_may_take_one_megabyte_with_all_the_rest(account: Account) -> None:
    to, data = fresh("ok"), os.urandom(750_000)
    file = {"filename": "raw.bin", "content": b64encode(data).decode(), "contentType": "application/octet-stream"}
    data_of(await account.http.post(SEND, json=welcome(to, attachments=[file])))
    (got,) = (await received(account, to)).iter_attachments()
    assert got.get_content() == data
    larger = file | {"content": b64encode(os.urandom(800_000)).decode()}
    refused = await account.http.post(SEND, json=welcome(fresh("ok"), attachments=[larger]))
    assert code_of(refused) == (413, "PAYLOAD_TOO_LARGE")


async def test_both_ways_of_attaching_come_to_the_same_record_and_the_same_mail(account: Account) -> None:
    by_json, by_form = fresh("ok"), fresh("ok")
    file = {"filename": "invoice.pdf", "content": b64encode(PDF).decode(), "contentType": "application/pdf"}
    parts = {"document": ("invoice.pdf", PDF, "application/pdf")}
    replies = [
        await account.http.post(SEND, json=welcome(by_json, attachments=[file])),
        await account.http.post(FORM, data=welcome(by_form), files=parts),
    ]
    for to, made in zip((by_json, by_form), map(data_of, replies), strict=True):
        wanted = {"status": "queued", "to": to, "subject": "Welcome!", "scheduled_at": None}
        assert made == {"id": made["id"], **wanted}
        (stored,) = (await email(account, made["id"]))["attachments"]
        assert stored == {
            "id": stored["id"], "filename": "invoice.pdf", "contentType": "application/pdf", "sizeBytes": len(PDF),
        }  # fmt: skip
        (attached,) = (await received(account, to)).iter_attachments()
        assert (attached.get_filename(), attached.get_content_type()) == ("invoice.pdf", "application/pdf")
        assert attached.get_content() == PDF


@pytest.mark.verify
async def test_a_file_of_a_form_may_have_50_mb_where_the_workspace_may_send_that(account: Account) -> None:
    path, due = f"/v1/workspaces/{account.home['workspace']}", rfc3339(datetime.now(UTC) + timedelta(hours=1))
    fields = welcome(fresh("ok"), scheduled_at=due)
    async with operator_of(account) as operator:
        before = (await operator.get(path)).json()["max_message_bytes"]
        assert (await operator.patch(path, json={"max_message_bytes": 100 * MB})).status_code == 200
        try:
            made = data_of(
                await account.http.post(FORM, data=fields, files={"f": ("a.bin", bytes(50 * MB))}, timeout=120)
            )
            (stored,) = (await email(account, made["id"]))["attachments"]
            assert stored["sizeBytes"] == 50 * MB
            assert data_of(await account.http.delete(f"{EMAILS}/{made['id']}"))["status"] == "canceled"
            more = {"f": ("a.bin", bytes(50 * MB + 1))}
            refused = await account.http.post(FORM, data=fields, files=more, timeout=120)
            assert code_of(refused) == (413, "PAYLOAD_TOO_LARGE")
        finally:
            await operator.patch(path, json={"max_message_bytes": before})
