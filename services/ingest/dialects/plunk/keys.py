"""Idempotency keys in Plunk's tongue: one scope over sends and events, and a used one is refused."""

from __future__ import annotations

from services.ingest.acceptance.admission import Admission
from services.ingest.acceptance.storing import Call, KeyUse
from services.ingest.dialects.plunk.shapes import reused_key
from services.ingest.store.contact_events import ContactEvents


class UsedKeys:
    """Looks up who holds a call's key."""

    def __init__(self, admission: Admission, events: ContactEvents) -> None:
        self._admission = admission
        self._events = events

    async def refuse(self, call: Call, *, running: bool = False) -> None:
        """Raises a 409 problem where the call's key is used, which is so for sure by a request that is `running`."""
        if call.key is None:
            return
        use = await self._admission.original_of(call)
        if use is None and (at := await self._events.key_used_at(call.principal.workspace_id, call.key)) is not None:
            use = KeyUse("track", at)
        if use is not None or running:
            raise reused_key(call.key, use, running=running)
