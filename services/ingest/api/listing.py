"""What `GET /v1/emails` may be asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.ingest.api.operations import Moment
from services.ingest.search.wanted import (
    ID,
    RECIPIENT,
    SENDER,
    Clause,
    TooVagueError,
    Wanted,
    guessed,
    of_address,
    of_subject,
)
from shared.contracts.topics import Stream
from shared.errors import Fault, invalid_request

EXACT = {"status": "head.status", "tag": "tags", "stream": "stream", "bounce_class": "bounce.class"}
SEARCHED: dict[str, Callable[[str], list[Clause]]] = {
    "q": guessed,
    "subject": of_subject,
    "recipient": lambda text: [of_address(RECIPIENT, text)],
    "sender": lambda text: [of_address(SENDER, text)],
    "message_id": lambda text: [Clause(ID, (text.lower(),))],
}
ADDRESS = "a whole address, `@` and a domain, or the beginning of either (3 characters or more); in any case"
Status = Literal[
    "pending", "scheduled", "queued", "sending", "deferred", "stuck", "sent", "delivered", "bounced", "suppressed",
    "failed", "canceled",
]  # fmt: skip


class Listing(BaseModel):
    """The filters of a list, all of which a message must meet. `from` and `to` bound the time of acceptance:
    from included, to excluded."""

    model_config = ConfigDict(extra="forbid")

    q: str | None = Field(
        None,
        min_length=1,
        max_length=320,
        description="a message's id; or, with an `@`, a recipient; or else words of the subject, the tags or the part "
        "of the recipient's address before the `@`",
    )
    status: Status | None = None
    recipient: str | None = Field(None, min_length=1, max_length=320, description=ADDRESS)
    sender: str | None = Field(None, min_length=1, max_length=320, description=ADDRESS)
    subject: str | None = Field(
        None,
        min_length=1,
        max_length=320,
        description="words that all stand in the subject, in any case and order and without regard to accents; the "
        "last may be the beginning of one (3 letters or more)",
    )
    tag: str | None = Field(None, min_length=1, max_length=255)
    stream: Stream | None = None
    message_id: str | None = Field(None, min_length=1, max_length=64)
    bounce_class: str | None = Field(None, pattern=r"^[a-z_]{1,64}$")
    from_: Moment | None = Field(None, alias="from")
    to: Moment | None = None
    limit: int = Field(25, ge=1, le=100)
    cursor: str | None = Field(None, max_length=500)

    def filters(self) -> dict[str, Any]:
        """What was asked for, without where in the list."""
        return self.model_dump(exclude={"limit", "cursor"}, exclude_none=True, mode="json")

    def wanted(self) -> Wanted:
        """The same as clauses. Raises a 422 problem where one of the texts is too vague to search by."""
        faults: list[Fault] = []
        clauses = tuple(self._clauses(faults))
        if faults:
            raise invalid_request(faults)
        return Wanted(clauses, self.from_, self.to)

    def _clauses(self, faults: list[Fault]) -> Iterator[Clause]:
        for name, read in SEARCHED.items():
            text = getattr(self, name)
            if text is not None:
                try:
                    yield from read(text)
                except TooVagueError as error:
                    faults.append(Fault(f"#/{name}", "too_vague", f"`{name}` {error}."))
        for name, field in EXACT.items():
            if (value := getattr(self, name)) is not None:
                yield Clause(field, (str(value),))
