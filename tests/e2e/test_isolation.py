"""One workspace's key against everything of another: not there, not changed, not told."""

from __future__ import annotations

from tests.e2e.account import Account, fresh


async def test_nothing_of_a_workspace_is_there_for_another(account: Account, stranger: Account) -> None:
    suppressed = fresh("ok")
    _, endpoint = await account.hook()
    transport = await account.transport(account.stack.ports["sink_smtp"], name="mine")
    await account.make("/v1/suppressions", email=suppressed)
    (message_id,) = await account.send(fresh("ok"))
    await account.reaches(message_id, "delivered")
    paths = [
        f"/v1/emails/{message_id}",
        f"/v1/emails/{message_id}/trace",
        f"/v1/suppressions/{suppressed}",
        f"/v1/webhooks/{endpoint['id']}",
        f"/v1/webhooks/{endpoint['id']}/deliveries",
        f"/v1/transports/{transport['id']}",
    ]
    for path in paths:
        assert (await account.http.get(path)).status_code == 200, path
        assert (await stranger.http.get(path)).status_code == 404, path
    for path in (paths[2], paths[3], paths[5]):
        assert (await stranger.http.delete(path)).status_code == 404, path
        assert (await account.http.get(path)).status_code == 200, path
    for path in (paths[3], paths[5]):
        assert (await stranger.http.patch(path, json={"enabled": False})).status_code == 404, path
    for listing in ("/v1/emails", "/v1/suppressions", "/v1/webhooks", "/v1/transports"):
        shown = (await stranger.http.get(listing)).text
        assert not any(secret in shown for secret in (message_id, suppressed, endpoint["id"], transport["id"])), listing
    stolen = await stranger.http.put("/v1/routes/default", json={"transports": [transport["id"]]})
    assert stolen.status_code == 422
    assert (await stranger.http.post(f"/v1/workspaces/{account.home['workspace']}/emails", json={})).status_code == 404


async def test_a_suppression_and_a_webhook_are_a_workspaces_own(account: Account, stranger: Account) -> None:
    recipient = fresh("ok")
    await account.make("/v1/suppressions", email=recipient)
    name, _ = await account.hook("email.delivered", "email.suppressed")
    (theirs,) = await stranger.send(recipient)
    await stranger.reaches(theirs, "delivered")
    (mine,) = await account.send(recipient)
    await account.reaches(mine, "suppressed")
    got = await account.hooked(name, 1, mine, theirs)
    assert [each["json"]["data"]["message_id"] for each in got] == [mine]
    assert await account.deliveries_to(recipient) == 1


async def test_a_sender_of_another_workspace_is_refused(account: Account, stranger: Account) -> None:
    body = {"from": stranger.sender, "to": [fresh("ok")], "subject": "Hi", "text": "there"}
    refused = await account.http.post("/v1/emails", json=body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/from"
