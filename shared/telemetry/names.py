"""The names of spans' attributes, after the OpenTelemetry semantic conventions; `mail.*` and `posthorn.*` are our own.

The messaging conventions are not stable yet: what changes of them changes here alone.
"""

from __future__ import annotations

ERROR_TYPE = "error.type"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
NETWORK_PEER_ADDRESS = "network.peer.address"
NETWORK_LOCAL_ADDRESS = "network.local.address"
TLS_PROTOCOL_NAME = "tls.protocol.name"
TLS_PROTOCOL_VERSION = "tls.protocol.version"
URL_PATH = "url.path"
URL_SCHEME = "url.scheme"

HTTP_METHOD = "http.request.method"
HTTP_ROUTE = "http.route"
HTTP_STATUS = "http.response.status_code"

MESSAGING_SYSTEM = "messaging.system"
MESSAGING_OPERATION_NAME = "messaging.operation.name"
MESSAGING_OPERATION_TYPE = "messaging.operation.type"
MESSAGING_DESTINATION = "messaging.destination.name"
MESSAGING_PARTITION = "messaging.destination.partition.id"
MESSAGING_GROUP = "messaging.consumer.group.name"
MESSAGING_CLIENT = "messaging.client.id"
MESSAGING_MESSAGE = "messaging.message.id"
KAFKA_KEY = "messaging.kafka.message.key"
KAFKA_OFFSET = "messaging.kafka.offset"

SERVICE_NAME = "service.name"
SERVICE_NAMESPACE = "service.namespace"
SERVICE_VERSION = "service.version"
SERVICE_INSTANCE = "service.instance.id"

MAIL_MESSAGE = "mail.message_id"
MAIL_ATTEMPT = "mail.attempt"
MAIL_PASS = "mail.pass"  # noqa: S105 - a number
MAIL_TRANSPORT = "mail.transport"
MAIL_ROLLUP = "mail.rollup"
MAIL_RULE = "mail.rule"
MAIL_VERDICT = "mail.verdict"
MAIL_VERDICT_REASON = "mail.verdict.reason"
MAIL_OUTCOME = "mail.outcome"
MAIL_STAGE = "mail.stage"
MAIL_SMTP_CODE = "mail.smtp.code"
MAIL_ENHANCED_CODE = "mail.enhanced_code"
MAIL_RECIPIENTS = "mail.recipients"
MAIL_AFTERWARDS = "mail.recorded_afterwards"
WEBHOOK_ENDPOINT = "posthorn.endpoint.id"
WEBHOOK_ID = "posthorn.webhook.id"
WEBHOOK_ATTEMPT = "posthorn.webhook.attempt"
EVENT_TYPE = "posthorn.event.type"
