"""The audit log in words. Pure."""

from __future__ import annotations

from shared.console.words import spoken

WORDS = {
    "api_key.created": "made the API key",
    "api_key.changed": "changed the API key",
    "api_key.rotated": "gave a new text to the API key",
    "api_key.revoked": "revoked the API key",
    "smtp_credential.created": "made the SMTP credential",
    "smtp_credential.revoked": "revoked the SMTP credential",
    "workspace.created": "made the workspace",
    "workspace.changed": "changed the workspace",
    "workspace.owner_verified": "verified the owner of the workspace",
    "workspace.deleted": "deleted the workspace",
    "domain.created": "added the domain",
    "domain.changed": "changed the domain",
    "domain.checked": "saw a change in the DNS of the domain",
    "domain.rotation_begun": "began to rotate the DKIM keys of the domain",
    "domain.deleted": "deleted the domain",
    "sender.created": "added the address",
    "sender.deleted": "deleted the address",
    "template.created": "made the template",
    "template.changed": "changed the template",
    "template.deleted": "deleted the template",
}
ACTIONS = [("", "anything"), *((action, words) for action, words in WORDS.items())]
PLACES = {"api_key": "/console/keys/", "domain": "/console/domains/", "template": "/console/templates/"}


def told(action: str) -> str:
    """What was done, to be followed by the name of what it was done to."""
    return WORDS.get(action) or spoken(action)


def link_of(kind: str, id_: str) -> str | None:
    """The page of what was changed, where it has one."""
    place = PLACES.get(kind)
    return f"{place}{id_}" if place else None
