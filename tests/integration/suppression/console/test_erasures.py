"""Erasures by the console: the question, the certificate, and what is held of a person."""

from __future__ import annotations

import httpx
import orjson

from tests.fixtures.console import VisitingClient, notice, words
from tests.integration.suppression.conftest import Suppressing, post

PAGE = "/console/suppressions/erasures"
ANN = "Ann@b.example"


async def test_a_person_is_erased_after_a_question_and_the_certificate_follows(
    answering: Suppressing, visitor: VisitingClient
) -> None:
    erasures = answering.deployment.database("suppression")["erasures"]
    assert "No erasures" in words(await visitor.get(PAGE))
    question = await visitor.send(PAGE, email=ANN, reason="case 7")
    assert question.status_code == 200
    assert "Everything that this workspace holds of ann@b.example will be erased" in words(question)
    assert await erasures.count_documents({}) == 0
    done = await visitor.send(PAGE, email="ann@b.example", reason="case 7", sure="yes")
    assert done.status_code == 303
    assert notice(done, visitor) == "Every service has been asked."
    made = await erasures.find_one({})
    assert made is not None
    assert (made["workspace_id"], made["reason"]) == ("w1", "case 7")
    page = await visitor.get(done.headers["location"])
    said = words(page)
    for expected in ("Erasure: case 7", "Running", "0 of 5 services have confirmed", "the key k", made["address_hmac"]):
        assert expected in said
    assert "ann@b.example" not in page.text.lower()
    assert "case 7" in words(await visitor.get(PAGE))
    certificate = await visitor.get(f"{done.headers['location']}/certificate.json")
    assert "attachment" in certificate.headers["content-disposition"]
    assert certificate.json()["id"] == made["_id"]


async def test_what_services_did_stands_in_the_certificate(answering: Suppressing, visitor: VisitingClient) -> None:
    done = await visitor.send(PAGE, email=ANN, sure="yes")
    erasures = answering.deployment.database("suppression")["erasures"]
    did = {"began_at": "$requested_at", "confirmed_at": "$requested_at", "counts": {"messages": 2}}
    names = ("ingest", "router", "suppression", "sender", "webhooks")
    await erasures.update_one({}, [{"$set": {f"services.{name}": did for name in names[:2]}}])
    said = words(await visitor.get(done.headers["location"]))
    assert "waiting for suppression, sender and webhooks" in said
    assert "ingest messages: 2" in said
    redacted = {f"services.{name}": did for name in names} | {"redacted_at": "$requested_at"}
    await erasures.update_one({}, [{"$set": redacted}])
    assert "Redacted All five services have confirmed" in words(await visitor.get(done.headers["location"]))


async def test_faults_stand_at_their_fields_and_nothing_is_asked(
    answering: Suppressing, visitor: VisitingClient
) -> None:
    for given, field, detail in (
        ({"email": "nobody"}, "email", "not a valid e-mail address"),
        ({"email": "nobody", "sure": "yes"}, "email", "not a valid e-mail address"),
        ({"email": ANN, "reason": "x" * 501, "sure": "yes"}, "reason", "at most 500 characters"),
    ):
        reply = await visitor.send(PAGE, **given)
        assert reply.status_code == 422
        assert detail in reply.text.partition(f'id="{field}-about">')[2].partition("</p>")[0]
        assert given["email"] in reply.text
    assert await answering.deployment.database("suppression")["erasures"].count_documents({}) == 0


async def test_all_that_is_held_of_a_person_can_be_had(
    http: httpx.AsyncClient, answering: Suppressing, visitor: VisitingClient
) -> None:
    key = await answering.key("w1", "suppressions")
    await answering.add_domain("w1", "acme.example")
    await post(http, key, email=ANN, reason="by phone")
    await post(http, key, email=ANN, scope="domain", domain="acme.example")
    await post(http, key, email="bob@b.example")
    page = await visitor.get(f"{PAGE}/person", email=ANN)
    url = "/console/people/suppressions.json?address=ann%40b.example"
    assert f'href="{url}"' in page.text
    file = await visitor.get(url)
    assert "attachment" in file.headers["content-disposition"]
    held = orjson.loads(file.content)
    assert held["address"] == "ann@b.example"
    assert {each["standing"]["note"] for each in held["suppressions"]} == {"by phone", None}
    nobody = orjson.loads((await visitor.get("/console/people/suppressions.json", address="x@b.example")).content)
    assert nobody["suppressions"] == []
    refused = await visitor.get(f"{PAGE}/person", email="nobody")
    assert (refused.status_code, "one whole address" in words(refused)) == (422, True)
    assert (await visitor.get("/console/people/suppressions.json", address="nobody")).status_code == 404
