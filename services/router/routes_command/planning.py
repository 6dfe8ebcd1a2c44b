"""From a file and what is there to what would change. Pure."""

from __future__ import annotations

from services.router.routes_command.plan import Plan
from services.router.routes_command.present import Present
from services.router.routes_command.references import References
from services.router.routes_command.route_file import read_file
from services.router.routes_command.rule_plan import plain_set, rule_steps, setting_changes, wanted_set
from services.router.routes_command.transport_plan import left_out, transport_steps
from services.router.routes_command.yaml_file import Document, FileError


def plan_of(document: Document, present: Present, *, prune: bool = False, passwords: bool = False) -> Plan:
    """Raises FileError with all that is wrong with the file, before anything is asked of the API.

    With `prune` transports that the file leaves out are removed; with `passwords` all are given again.
    """
    file = read_file(document)
    references = References(document, file, present)
    transports = list(transport_steps(file, present, references, passwords=passwords))
    wanted = wanted_set(file, present, references)
    if references.faults:
        raise FileError(references.faults)
    before, after = present.rules, plain_set(wanted, platform=present.platform)
    labels = references.labels
    changed = any(before.get(name) != value for name, value in after.items())
    return Plan(
        transports=transports,
        settings=list(setting_changes(before, after, labels)),
        steps=list(rule_steps(before["rules"], after["rules"], labels)),
        removals=list(left_out(file, present, references, prune=prune)),
        rules=after if changed else None,
        draft=after,
        version=int(before["version"]),
        labels=labels,
    )
