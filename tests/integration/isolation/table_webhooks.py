"""What was posted to a workspace's endpoints, what is posted again, and what is posted late."""

from __future__ import annotations

from tests.integration.isolation.asking import Ask

SCOPE = "webhooks"
SINCE = {"since": "2026-01-01T00:00:00Z"}

WEBHOOKS = [
    Ask("GET /v1/webhooks/deliveries", SCOPE),
    Ask("GET /v1/webhooks/deliveries", SCOPE, query={"endpoint": "{webhook}"}),
    Ask("GET /v1/webhooks/deliveries", SCOPE, query={"message": "{message}"}),
    Ask("GET /v1/webhooks/deliveries", SCOPE, query={"cursor": "{all_deliveries_cursor}", "limit": "1"}),
    *(
        Ask(f"GET /v1/webhooks/{{webhook}}/{what}", SCOPE)
        for what in ("deliveries", "attempts", "replays", "backfills")
    ),
    *(
        Ask(f"GET /v1/webhooks/{{my_webhook}}/{what}", SCOPE, query={"cursor": f"{{{what}_cursor}}", "limit": "1"})
        for what in ("deliveries", "attempts", "replays", "backfills")
    ),
    Ask("GET /v1/webhooks/{my_webhook}/deliveries", SCOPE, query={"message": "{message}"}),
    *(
        Ask(f"GET /v1/webhooks/{{{whose}}}/{what}", SCOPE)
        for whose in ("webhook", "my_webhook")
        for what in ("deliveries/{delivery}", "replays/{replay}", "backfills/{backfill}")
    ),
    Ask("POST /v1/webhooks/{my_webhook}/deliveries/{delivery}/retry", SCOPE),
    Ask("POST /v1/webhooks/{webhook}/deliveries/{delivery}/retry", SCOPE),
    *(
        Ask(f"DELETE /v1/webhooks/{{my_webhook}}/{what}", SCOPE, alone=False)
        for what in ("replays/{replay}", "backfills/{backfill}")
    ),
    *(Ask(f"DELETE /v1/webhooks/{{webhook}}/{what}", SCOPE) for what in ("replays/{replay}", "backfills/{backfill}")),
    Ask("POST /v1/webhooks/{webhook}/test", SCOPE),
    # one of each is running
    Ask("POST /v1/webhooks/{webhook}/replay", SCOPE, SINCE, alone=False),
    Ask("POST /v1/webhooks/{webhook}/backfill", SCOPE, SINCE, alone=False),
]
