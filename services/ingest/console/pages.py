"""The routers of ingest's pages."""

from __future__ import annotations

from fastapi import APIRouter

from services.ingest.acceptance.admission import Admission
from services.ingest.accounts.changes import Changes
from services.ingest.api.actions import MessageActions
from services.ingest.api.audit import AuditReader
from services.ingest.api.contact_requests import ContactRequests
from services.ingest.api.domains import DomainParts
from services.ingest.api.key_api import KeyApi
from services.ingest.api.messages import MessageReader
from services.ingest.api.smtp_credentials import CredentialApi
from services.ingest.api.templates import Pages
from services.ingest.api.workspaces import WorkspaceApi
from services.ingest.console.audit import audit_pages
from services.ingest.console.contact import ContactPage, contact_pages
from services.ingest.console.contacts import contacts_pages, new_contact_pages
from services.ingest.console.credentials import credentials_pages
from services.ingest.console.domain import domain_pages
from services.ingest.console.domains import domain_buttons, domains_pages
from services.ingest.console.keys import keys_pages
from services.ingest.console.message import message_buttons, message_pages
from services.ingest.console.messages import messages_pages
from services.ingest.console.overview import overview_pages
from services.ingest.console.sign_in import sign_in_router
from services.ingest.console.smtp_facts import SmtpFacts
from services.ingest.console.start import start_pages
from services.ingest.console.template_editor import TemplateEditor, template_pages
from services.ingest.console.template_list import template_list
from services.ingest.console.template_sending import template_sending
from services.ingest.console.template_trial import template_trial
from services.ingest.console.workspace import workspace_pages
from services.ingest.contacts.contacts import Contacts
from services.ingest.contacts.declared import DeclaredFields
from services.ingest.settings import Settings
from services.ingest.store.contact_events import ContactEvents
from services.ingest.store.contacts import ContactStore
from services.ingest.store.owned import Owned
from services.ingest.store.templates import TemplateStore
from services.ingest.templates.templates import Templates
from shared.console.console import Console
from shared.contracts.entities import Kind
from shared.service import Base
from shared.tokens import Cursors


def console_routers(
    base: Base,
    settings: Settings,
    admission: Admission,
    reader: MessageReader,
    actions: MessageActions,
    changes: Changes,
    domains: DomainParts,
) -> list[APIRouter]:
    console = Console(base, __package__)
    return [
        *_by_provider(console, base, settings),
        sign_in_router(console, base.authenticator, settings),
        overview_pages(console, base),
        messages_pages(console, reader),
        message_pages(console, reader, actions, settings),
        message_buttons(console, reader, actions, admission),
        start_pages(console, base, changes, settings, reader),
        domains_pages(console, base, domains),
        domain_pages(console, base, domains),
        domain_buttons(console, base, domains),
        *account_routers(console, base, settings, changes),
        *contact_routers(console, base),
        *template_routers(console, base, settings, admission, changes),
    ]


def template_routers(
    console: Console, base: Base, settings: Settings, admission: Admission, changes: Changes
) -> list[APIRouter]:
    """The templates. Of paths that begin alike the more particular ones come first."""
    templates = Templates(base.cache, TemplateStore(base.database))
    editor = TemplateEditor(console, templates)
    return [
        template_list(console, templates, Pages(Cursors(settings.token_key_bytes))),
        template_trial(console),
        template_sending(console, editor, admission, settings),
        template_pages(console, base, editor, templates, changes),
    ]


def contact_routers(console: Console, base: Base) -> list[APIRouter]:
    """The contacts. Of paths that begin alike the more particular ones come first."""
    store, events = ContactStore(base.database), ContactEvents(base.database)
    contacts, declared = Contacts(base.cache, store, events), DeclaredFields(base.cache)
    requests = ContactRequests(contacts, declared)
    page = ContactPage(console, contacts, events, declared, Owned(base.entities, Kind.SENDER))
    return [
        contacts_pages(console, store),
        new_contact_pages(console, contacts, requests, declared),
        contact_pages(console, page, contacts, requests),
    ]


def account_routers(console: Console, base: Base, settings: Settings, changes: Changes) -> list[APIRouter]:
    """Who may act for the workspace, and what it is. Of paths that begin alike the more particular ones come first."""
    keys, credentials = KeyApi(base, changes, settings), CredentialApi(base, changes, settings)
    smtp = SmtpFacts.of(settings)
    return [
        credentials_pages(console, base, credentials, smtp),
        keys_pages(console, base, keys, credentials, smtp),
        audit_pages(console, base, AuditReader(base, settings)),
        workspace_pages(console, base, WorkspaceApi(base, changes, settings), settings),
    ]


def _by_provider(console: Console, base: Base, settings: Settings) -> list[APIRouter]:
    if settings.oidc_issuer is None:
        return []
    from services.ingest.console.oidc_pages import oidc_pages  # its libraries take a third of a second to import

    return [oidc_pages(console, base.cache, settings)]
