"""What callers write, read: places, addresses, additions. Every fault is named by its field."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from services.suppression.api.callers import Caller
from services.suppression.documents.updates import Addition
from services.suppression.rules import REASON_OF_TYPE, EntryType, Place, Reason, Scope, lifetime_of
from services.suppression.settings import Settings
from shared.addresses import InvalidAddressError, domain_of, parse_address
from shared.contracts.topics import Stream
from shared.errors import Fault, invalid_request

LIMITED = (Scope.DOMAIN, Scope.STREAM)
NO_UNSUBSCRIBE = (
    "An unsubscription holds for one stream or one sending domain: name it with `scope`. "
    "Transactional mail of the whole workspace does not stop for it."
)


class FaultyError(Exception):
    """What is wrong with something that was given."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(", ".join(fault.code for fault in faults))
        self.faults = list(faults)


def address_of(text: str) -> str:
    """Raises FaultyError."""
    try:
        return parse_address(text, smtputf8=True)
    except InvalidAddressError as error:
        raise FaultyError(Fault("#/email", "invalid_address", f"This {error}.")) from error


def place_of(caller: Caller, scope: str | None, domain: str | None, stream: str | None) -> Place:
    """The place that a scope names: without one the caller's workspace, or the platform. Raises FaultyError."""
    own = Scope.PLATFORM if caller.workspace_id is None else Scope.WORKSPACE
    wanted = scope or own
    known = (own,) if own is Scope.PLATFORM else (own, *LIMITED)
    if wanted not in known:
        raise FaultyError(Fault("#/scope", "invalid_choice", f"The scope must be one of {', '.join(known)}."))
    faults = []
    for name, given in ((Scope.DOMAIN, domain), (Scope.STREAM, stream)):
        if given is None and wanted == name:
            faults.append(Fault(f"#/{name}", "missing", f"The scope `{name}` needs a {name}."))
        elif given is not None and wanted != name:
            faults.append(Fault(f"#/{name}", "not_allowed", f"A {name} goes with the scope `{name}` alone."))
    if faults:
        raise FaultyError(*faults)
    if domain is not None:
        return Place(caller.workspace_id, domain=domain_name(domain))
    return Place(caller.workspace_id, stream=stream_name(stream) if stream is not None else None)


def check_domain(place: Place, domains: Collection[str]) -> None:
    """Raises FaultyError for a domain that is not among those of the workspace: nothing would ever be stopped by it."""
    if place.domain is not None and place.domain not in domains:
        detail = f"{place.domain} is no sending domain of this workspace: add it first, or see `GET /v1/domains`."
        raise FaultyError(Fault("#/domain", "unknown_domain", detail))


def domain_name(text: str) -> str:
    """A sending domain as its A-label in lower case; raises FaultyError."""
    try:
        return domain_of(parse_address(f"postmaster@{text}")).lower()
    except InvalidAddressError as error:
        raise FaultyError(Fault("#/domain", "invalid_domain", "Not a domain name.")) from error


def stream_name(text: str) -> str:
    """Raises FaultyError."""
    if text not in list(Stream):
        raise FaultyError(Fault("#/stream", "invalid_choice", f"The stream must be one of {', '.join(Stream)}."))
    return text


def addition_of(
    caller: Caller, place: Place, type_: str, note: str | None, expires_at: datetime | None, settings: Settings
) -> Addition:
    """An addition by hand of a type that callers may add; raises FaultyError."""
    reason = REASON_OF_TYPE[EntryType(type_)]
    check_end(place, reason, expires_at)
    return Addition(reason, note, lifetime_of(reason, settings), expires_at, caller.origin, caller.key_id)


def check_end(place: Place, reason: Reason, expires_at: datetime | None) -> None:
    """Raises FaultyError where a reason does not hold in the place or may not expire then."""
    faults = []
    if reason is Reason.UNSUBSCRIBE and place.scope not in LIMITED:
        faults.append(Fault("#/scope", "unsubscribe_needs_scope", NO_UNSUBSCRIBE))
    if expires_at is not None and reason is Reason.COMPLAINT:
        faults.append(Fault("#/expires_at", "not_allowed", "A complaint does not expire."))
    elif expires_at is not None and expires_at <= datetime.now(UTC):
        faults.append(Fault("#/expires_at", "in_the_past", "This time is past."))
    if faults:
        raise FaultyError(*faults)


class Refusing:
    """A context in which what is faulty is answered with 422."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FaultyError):
            raise invalid_request(error.faults) from error
