"""Sending: whose sender, template and idempotency key a request names."""

from __future__ import annotations

from typing import Any

from tests.integration.isolation.asking import Ask

SEND = "email.send"
WAYS = ("/v1/emails", "/v1/workspaces/{workspace}/emails")
OWN = "/v1/workspaces/{my_workspace}/emails"


def mail(**changes: Any) -> dict[str, Any]:
    return {"from": "{my_sender}", "to": ["{free}@example.test"], "subject": "Hi", "text": "there", **changes}


THEIR_SENDER = mail(**{"from": "{sender}"})
THEIR_TEMPLATE = {"from": "{my_sender}", "to": ["{free}@example.test"], "template": "{template}"}
THEIR_CONTACT = mail(to=["{contact_email}"], text="{{first_name}} {{email}}")
THEIR_MARKETING = {"from": "{my_sender}", "to": ["{contact_email}"], "template": "{my_marketing}"}
KEYED, KEYED_TOO = {"Idempotency-Key": "{message_key}"}, {"Idempotency-Key": "{pending_key}"}

SENDING = [
    *(Ask(f"POST {way}", SEND, mail()) for way in WAYS),
    *(Ask(f"POST {way}/batch", SEND, {"emails": [mail(), mail()]}) for way in WAYS),
    *(Ask(f"POST {way}/preview", SEND, mail()) for way in WAYS),
    *(
        Ask(f"POST {way}{part}", SEND, body)
        for body in (THEIR_SENDER, THEIR_TEMPLATE, THEIR_CONTACT, THEIR_MARKETING)
        for way, part in (("/v1/emails", ""), ("/v1/emails", "/preview"), (OWN, ""), (OWN, "/preview"))
    ),
    Ask("POST /v1/emails/batch", SEND, {"emails": [THEIR_SENDER, THEIR_TEMPLATE, THEIR_CONTACT, mail()]}),
    Ask("POST /v1/emails", SEND, mail(), headers=KEYED, alone=False),
    Ask("POST /v1/emails/batch", SEND, {"emails": [mail()]}, headers=KEYED, alone=False),
    *(Ask(f"POST {way}/{{message}}/resend", SEND) for way in (*WAYS, OWN)),
    Ask("POST /v1/emails/{my_message}/resend", SEND, headers=KEYED_TOO, alone=False),
]
