"""Templates, data, tracking and links to unsubscribe, from the request to the message as the sender makes it."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
import pytest_asyncio

from services.ingest.contacts.changes import ContactChange
from services.sender.mail.personal import LinksBelow, personal
from shared.content import ContentStore
from shared.contracts.messages import Message
from shared.links import LinkKind, Links
from shared.mail.compose import compose
from tests.integration.ingest.conftest import SENDER, Door, contacts_of, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = "https://links.test"


@pytest_asyncio.fixture(loop_scope="module")
async def tenant(tenant: Door) -> Door:
    await tenant.limit(features=["smtp.enabled", "templates.enabled", "tracking.enabled"])
    return tenant


async def template(tenant: Door, **fields: Any) -> str:
    made = {"name": "Welcome", "type": "transactional", "subject": "Hi {{name}}", "html": "<b>{{name}}</b>", **fields}
    reply = await tenant.post(made, path="/v1/templates")
    assert reply.status_code == 201, reply.text
    found = reply.json()
    return str(found.get("id") or found["data"]["id"])


async def mails(tenant: Door) -> list[Any]:
    """Every message as the sender makes it, parsed by the standard library."""
    records = [Message.decode(entry["record"]) for each in await tenant.submissions() for entry in each["messages"]]
    contents = await ContentStore(tenant.deployment.database("content")).load([each.content_id for each in records])
    links = LinksBelow(Links(tenant.deployment.shared.token_key_bytes), BASE)
    made = [
        compose(personal(contents[one.content_id], one, links), message_id=one.message_id, date=one.accepted_at)
        for one in records
    ]
    return [message_from_bytes(each, policy=default) for each in made]


async def test_a_template_stands_in_for_what_is_not_given(tenant: Door) -> None:
    id_ = await template(tenant, text="Text {{name ?? 'you'}}", **{"from": SENDER, "from_name": "Acme"})
    body = {"template": id_, "data": {"name": "<Ann>"}, "to": ["a@example.test"]}
    assert (await tenant.post(body)).status_code == 202
    assert (await tenant.post({**body, "subject": "Own {{name}}", "text": "Own"})).status_code == 202
    first, second = await mails(tenant)
    assert (first["subject"], str(first["from"])) == ("Hi <Ann>", f"Acme <{SENDER}>")
    text, html = first.iter_parts()
    assert (html.get_content().strip(), text.get_content().strip()) == ("<b>&lt;Ann&gt;</b>", "Text <Ann>")
    assert (second["subject"], second.get_content_type()) == ("Own <Ann>", "text/plain")


async def test_an_older_version_may_be_named(tenant: Door) -> None:
    id_ = await template(tenant)
    reply = await tenant.http.patch(
        f"/v1/templates/{id_}", json={"subject": "New"}, headers={"Authorization": f"Bearer {tenant.key}"}
    )
    assert reply.status_code == 200, reply.text
    for version in (None, 1):
        body = {"template": id_, "template_version": version, "data": {"name": "x"}, "to": ["a@b.test"], "from": SENDER}
        assert (await tenant.post(body)).status_code == 202
    assert [mail["subject"] for mail in await mails(tenant)] == ["New", "Hi x"]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (send(template="01a1ff98-5547-743d-878d-0cdf84328922"), "#/template", "template_not_found"),
        (send(subject="{{x}}", data={"x": "a\r\nBcc: evil@example.test"}), "#/subject", "line_break"),
        (send(subject="{{x}}", data={}), "#/subject", "required"),
        (send(data=[]), "#/data", "wrong_type"),
        (send(tracking={"opens": "yes"}), "#/tracking/opens", "invalid"),
    ],
)
async def test_what_cannot_be_rendered_is_told(tenant: Door, body: dict[str, Any], pointer: str, code: str) -> None:
    reply = await tenant.post(body)
    assert [(fault["pointer"], fault["code"]) for fault in reply.json()["errors"]] == [(pointer, code)]
    assert await tenant.nothing_stored()


async def test_without_data_braces_stay_as_they_are(tenant: Door) -> None:
    await tenant.post(send(subject="{{x}}", html="{{y ?? 'z'}}"))
    (mail,) = await mails(tenant)
    assert (mail["subject"], mail.get_content().strip()) == ("{{x}}", "{{y ?? 'z'}}")


async def test_links_and_the_pixel_are_each_message_s_own(tenant: Door) -> None:
    html = '<p><a href="https://shop.test/x?a=1&amp;b=2">x</a></p></body>'
    recipients = ["a@example.test", "b@example.test"]
    reply = await tenant.post(send(html=html, to=recipients, tracking={"opens": True, "clicks": True}))
    ids = [message["uuid"] for message in reply.json()["data"]["messages"]]
    links = Links(tenant.deployment.shared.token_key_bytes)
    for id_, mail in zip(ids, await mails(tenant), strict=True):
        body = mail.get_content()
        click = re.search(rf'href="{BASE}/t/c/([^/"]+)/([^"]+)"', body)
        seen = re.search(rf'src="{BASE}/t/o/([^"]+)\.gif"', body)
        assert click
        assert seen
        reference, target = links.read_click(click[1], click[2])
        assert (reference.message_id, target) == (id_, "https://shop.test/x?a=1&b=2")
        assert links.read(seen[1], [LinkKind.OPEN]).message_id == id_
    assert len(await tenant.contents()) == 1
    shown = (await tenant.get(f"/v1/emails/{ids[0]}/content")).json()["html"]
    assert 'href="https://shop.test/x?a=1&b=2"' in shown
    assert 'src="#open"' in shown


async def test_nothing_is_tracked_unless_it_is_asked_for(tenant: Door) -> None:
    html = '<a href="https://shop.test/">x</a>'
    await tenant.post(send(html=html))
    await tenant.limit(default_tracking=["clicks"])
    await tenant.post(send(html=html))
    await tenant.post(send(html=html, tracking={}))
    first, second, third = [mail.get_content().strip() for mail in await mails(tenant)]
    assert first == third == html
    assert "/t/c/" in second
    assert "/t/o/" not in second


async def test_a_workspace_without_the_feature_may_not_track(tenant: Door) -> None:
    await tenant.limit(features=["smtp.enabled"], default_tracking=["opens"])
    for path in ("/v1/emails", "/v1/emails/preview"):
        reply = await tenant.post(send(to=["nobody"], tracking={"opens": True}), path=path)
        assert (reply.status_code, reply.json()["error"], reply.json()["feature"]) == (
            403, "upgrade_needed", "tracking.enabled",
        )  # fmt: skip
    assert (await tenant.post(send())).status_code == 202
    (mail,) = await mails(tenant)
    assert "/t/o/" not in mail.get_content()


async def test_a_large_body_is_marked_as_a_small_one_is(tenant: Door) -> None:
    html = f'<a href="https://shop.test/">x</a>{"<p>y</p>" * 50_000}'
    assert (await tenant.post(send(html=html, tracking={"clicks": True}))).status_code == 202
    (mail,) = await mails(tenant)
    assert mail.get_content().count("/t/c/") == 1


async def test_a_link_to_unsubscribe_is_in_the_body_and_the_header(tenant: Door) -> None:
    await tenant.post(send(html="<html><body>x</body></html>", text="x", unsubscribe_link=True))
    await tenant.post(send(html='<a href="{{unsubscribeUrl}}">stop</a>', data={}, unsubscribe_link=True))
    first, second = await mails(tenant)
    assert first["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    url = re.fullmatch(rf"<({BASE}/u/[^>]+)>", first["list-unsubscribe"])
    assert url
    text, html = (part.get_content() for part in first.iter_parts())
    assert f'<a href="{url[1]}">Unsubscribe</a></p></body>' in html
    assert f"Unsubscribe: {url[1]}" in text
    assert second.get_content().count("/u/") == 1


async def test_marketing_mail_does_not_go_to_who_has_unsubscribed(tenant: Door) -> None:
    id_ = await template(tenant, type="marketing")
    contacts = contacts_of(tenant)
    await contacts.upsert_many(
        tenant.workspace.id,
        [ContactChange("off@example.test", subscribed=False), ContactChange("on@example.test", subscribed=True)],
    )
    body = {"template": id_, "data": {"name": "x"}, "from": SENDER, "to": ["off@example.test", "on@example.test"]}
    reply = await tenant.post(body)
    assert [each["status"] for each in reply.json()["data"]["messages"]] == ["pending", "pending"]
    (submission,) = await tenant.submissions()
    off, on = submission["messages"]
    assert (off.get("suppressed"), submission["pending"]) == ("unsubscribed", [on["id"]])
    assert "unpublished" in submission
    view = (await tenant.get(f"/v1/emails/{off['id']}")).json()
    assert view["status"] == "suppressed"
    assert view["contact_id"]
    assert all(mail["list-unsubscribe"] for mail in await mails(tenant))


async def test_a_key_may_be_bound_to_domains_and_a_workspace_to_a_day_s_recipients(tenant: Door) -> None:
    await tenant.limit(daily_quota=3)
    assert (await tenant.post(send(to=["a@b.test", "c@d.test"]))).status_code == 202
    reply = await tenant.post(send(to=["a@b.test", "c@d.test"]))
    assert (reply.status_code, reply.json()["code"]) == (429, "quota_exceeded")
    assert (await tenant.post(send())).status_code == 202
    await tenant.limit(daily_quota=None)
    made = await tenant.post(
        {"name": "bound", "scopes": ["email.send"], "domains": ["other.test"]}, path="/v1/api-keys"
    )
    assert made.status_code == 201, made.text
    tenant.key = made.json()["key"]
    reply = await tenant.post(send())
    assert reply.json()["errors"][0]["code"] == "sender_not_allowed"


async def test_a_preview_shows_what_rendering_makes(tenant: Door) -> None:
    id_ = await template(tenant, html='<a href="{{unsubscribeUrl}}">{{name}}</a>')
    body = {"template": id_, "data": {"name": "Ann"}, "to": ["a@example.test"], "from": SENDER}
    data = (await tenant.post(body, path="/v1/emails/preview")).json()["data"]
    assert (data["subject"], data["html"]) == ("Hi Ann", '<a href="#unsubscribe">Ann</a>')
    assert await tenant.nothing_stored()
