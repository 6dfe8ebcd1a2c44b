"""Every operation of the API, with the scopes that it needs and the ways in which it could name what is another's."""

from __future__ import annotations

from tests.integration.isolation.asking import Ask
from tests.integration.isolation.table_accounts import ACCOUNTS
from tests.integration.isolation.table_contacts import CONTACTS
from tests.integration.isolation.table_dialects import DIALECTS
from tests.integration.isolation.table_mail import MAIL
from tests.integration.isolation.table_platform import PLATFORM
from tests.integration.isolation.table_privacy import PRIVACY
from tests.integration.isolation.table_queue import QUEUE
from tests.integration.isolation.table_sending import SENDING
from tests.integration.isolation.table_webhooks import WEBHOOKS

# first what is held of people: those after it make contacts and suppressions of them
ASKS: list[Ask] = [*PRIVACY, *SENDING, *MAIL, *DIALECTS, *CONTACTS, *ACCOUNTS, *WEBHOOKS, *PLATFORM, *QUEUE]
