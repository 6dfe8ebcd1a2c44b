"""How an application sends its first message, in several languages. Pure.

Each is whole: it runs as it stands, with the key that was filled in or that its environment has.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Template

PLACEHOLDER = "your API key"


@dataclass(frozen=True, slots=True)
class Values:
    """What is filled in. `key` is an API key's text; it is the password at the SMTP door too."""

    base_url: str
    key: str
    sender: str
    recipient: str
    smtp_host: str
    smtp_port: int


@dataclass(frozen=True, slots=True)
class Snippet:
    """`id` names it on the page, `file` is what such a text is kept in."""

    id: str
    name: str
    file: str
    text: str


SUBJECT, TEXT = "Your sign-in code", "Your code is 482910."
TEMPLATES = (
    (
        "curl", "curl", "shell",
        """curl $base_url/v1/emails \\
  -H 'Authorization: Bearer $key' \\
  -H 'Content-Type: application/json' \\
  -d '{"from": "$sender", "to": ["$recipient"],
       "subject": "$subject", "text": "$text", "stream": "authentication"}'
""",
    ),
    (
        "python", "Python", "send.py",
        """import requests

reply = requests.post(
    "$base_url/v1/emails",
    headers={"Authorization": "Bearer $key"},
    json={
        "from": "$sender",
        "to": ["$recipient"],
        "subject": "$subject",
        "text": "$text",
        "stream": "authentication",
    },
    timeout=10,
)
reply.raise_for_status()
print(reply.json()["data"]["messages"][0]["uuid"])
""",
    ),
    (
        "node", "Node", "send.mjs",
        """const reply = await fetch("$base_url/v1/emails", {
  method: "POST",
  headers: {
    Authorization: "Bearer $key",
    "Content-Type": "application/json",
  },
  body: JSON.stringify({
    from: "$sender",
    to: ["$recipient"],
    subject: "$subject",
    text: "$text",
    stream: "authentication",
  }),
});
if (!reply.ok) throw new Error(await reply.text());
console.log((await reply.json()).data.messages[0].uuid);
""",
    ),
    (
        "php", "PHP", "send.php",
        """<?php
$$reply = file_get_contents("$base_url/v1/emails", false, stream_context_create(["http" => [
    "method" => "POST",
    "header" => "Authorization: Bearer $key\\r\\nContent-Type: application/json",
    "content" => json_encode([
        "from" => "$sender",
        "to" => ["$recipient"],
        "subject" => "$subject",
        "text" => "$text",
        "stream" => "authentication",
    ]),
]]));
echo json_decode($$reply)->data->messages[0]->uuid, "\\n";
""",
    ),
    (
        "django", "Django", "settings.py",
        """EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = "$smtp_host"
EMAIL_PORT = $smtp_port
EMAIL_USE_TLS = True
EMAIL_HOST_USER = "posthorn"
EMAIL_HOST_PASSWORD = "$key"
DEFAULT_FROM_EMAIL = "$sender"

# then, anywhere: send_mail("$subject", "$text", None, ["$recipient"])
""",
    ),
    (
        "rails", "Rails", "config/environments/production.rb",
        """config.action_mailer.delivery_method = :smtp
config.action_mailer.smtp_settings = {
  address: "$smtp_host",
  port: $smtp_port,
  user_name: "posthorn",
  password: "$key",
  authentication: :plain,
  enable_starttls: true
}
""",
    ),
    (
        "smtp", "SMTP", "any mail client or framework",
        """Host       $smtp_host
Port       $smtp_port (STARTTLS)
User       posthorn (any name)
Password   $key
From       $sender
""",
    ),
)  # fmt: skip


def snippets_of(values: Values) -> list[Snippet]:
    """The snippets, in the order in which they are shown."""
    filled = {
        "base_url": values.base_url,
        "key": values.key,
        "sender": values.sender,
        "recipient": values.recipient,
        "smtp_host": values.smtp_host,
        "smtp_port": values.smtp_port,
        "subject": SUBJECT,
        "text": TEXT,
    }
    return [Snippet(id_, name, file, Template(text).substitute(filled)) for id_, name, file, text in TEMPLATES]
