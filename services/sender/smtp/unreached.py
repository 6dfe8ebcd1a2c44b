"""Hosts that no conversation was begun with, as outcomes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from services.sender.smtp.outcomes import BounceClass, Bounced, Deferred, Outcome, Scope, Stage
from services.sender.smtp.peers import Egress
from services.sender.smtp.targets import Addresses
from services.sender.tls.protection import Withheld
from shared.contracts.messages import Host
from shared.dns import Existence

LOOP_RULE = "loop"
OTHER_FAMILY = "other-family"


def withheld_outcome(host: Host, withheld: Withheld) -> Outcome:
    """A host that a TLS policy keeps us from: for this time (RFC 8461 section 5, RFC 7672 section 2.2)."""
    return Deferred(
        stage=Stage.STARTTLS,
        code=451,
        enhanced="4.7.5",
        text=withheld.text,
        class_=BounceClass.TLS,
        scope=Scope.RECIPIENT,
        host=host.name,
        rule="tls-policy",
        tls_policy=withheld.policy,
        tls_result=withheld.result,
    )


def loop_outcome(egress: Egress, host: Host) -> Outcome:
    """A host that is this system: mail for it would come back (RFC 5321 section 5.1, RFC 3463 X.4.6)."""
    return _undialled(egress, host, 554, "5.4.6", f"{host.name} leads back to this system", LOOP_RULE)


def unreachable_outcome(egress: Egress, host: Host, found: Addresses, allowed: Sequence[str]) -> Outcome:
    """A host that cannot be dialled at all (RFC 5321 section 5.1): for good only where its own records say so.

    One that has only addresses of the family that `egress.source` is not of may be reached from another source.
    """
    if found.existence is Existence.FAILED:
        text = f"{host.name} cannot be looked up ({found.detail})"
        return _undialled(egress, host, 451, "4.4.4", text, "unreachable")
    if allowed:
        text = f"{host.name} has no address of the family of {egress.source}"
        undialled = _undialled(egress, host, 451, "4.4.4", text, OTHER_FAMILY)
        return undialled.with_changes(scope=Scope.TRANSPORT, source=egress.source)
    text = f"{host.name} has only addresses that are not public"
    if not found.ips:
        text = f"{host.name} has no address ({found.detail})"
    return _undialled(egress, host, 550, "5.4.4", text, "unreachable")


def _undialled(egress: Egress, host: Host, code: int, enhanced: str, text: str, rule: str) -> Outcome:
    kind: type[Bounced] | type[Deferred] = Bounced if code >= 500 and not egress.relayed else Deferred
    return kind(
        stage=Stage.CONNECT,
        code=code,
        enhanced=enhanced,
        text=text,
        class_=BounceClass.ROUTE_DOWN if egress.relayed else BounceClass.ROUTING_DNS,
        hard=kind is Bounced,
        scope=Scope.TRANSPORT if egress.relayed else Scope.RECIPIENT,
        host=host.name,
        rule=rule,
    )
