"""The chart's README: how to install it, and its values out of the comments in values.yaml."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

KEY = re.compile(r"^(?P<indent> *)(?P<name>[A-Za-z][A-Za-z0-9-]*):")
COMMENT = re.compile(r"^ *# -- (?P<text>.+)$")
LONGEST_DEFAULT = 100
WHOLE = ("processes",)  # shown as what they are, not key by key
HEAD = """\
# Posthorn on Kubernetes

{description} Version {version} for Posthorn {app}, Kubernetes {kube}.
Made from `values.yaml` by `python -m deploy.reference`; a test fails where it is stale.

```sh
helm install posthorn deploy/helm/posthorn --namespace mail --values deploy/helm/posthorn/examples/small.yaml
```

What it needs first (Kafka, MongoDB, Secrets), what each flag needs, and how it is upgraded stands in
[operations.md](../../../docs/operations.md#kubernetes). `examples/small.yaml` runs the API in one process and each
service's work in another, `examples/production.yaml` each role apart and scaled by what it does.

## Values

| value | default | meaning |
| --- | --- | --- |
"""


def render_readme(chart: Path) -> str:
    """The README of the chart in a folder."""
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    text = (chart / "values.yaml").read_text()
    rows = _rows(yaml.safe_load(text), _comments(text))
    head = HEAD.format(
        description=about["description"], version=about["version"], app=about["appVersion"], kube=about["kubeVersion"]
    )
    return head + "".join(f"| `{name}` | {default} | {meaning} |\n" for name, default, meaning in rows)


def _comments(text: str) -> dict[str, str]:
    """The comments (`# -- …`) by the path of the key that they stand before."""
    comments: dict[str, str] = {}
    path: list[str] = []
    comment = ""
    for line in text.splitlines():
        if found := COMMENT.match(line):
            comment = found["text"].replace("|", "\\|")
        elif found := KEY.match(line):
            path = [*path[: len(found["indent"]) // 2], found["name"]]
            if comment:
                comments[".".join(path)] = comment
            comment = ""
    return comments


def _rows(values: Mapping[str, Any], comments: Mapping[str, str], above: str = "") -> Iterator[tuple[str, str, str]]:
    for name, value in values.items():
        path = f"{above}{name}"
        if path in WHOLE:
            roles = ", ".join(f"`{each}`" for each in value)
            yield path, roles, comments.get(path, "")
        elif isinstance(value, dict) and value and (path not in comments or _is_documented(path, comments)):
            yield from _rows(value, comments, f"{path}.")
        else:
            shown = json.dumps(value)
            yield path, f"`{shown}`" if len(shown) <= LONGEST_DEFAULT else "see `values.yaml`", comments.get(path, "")


def _is_documented(path: str, comments: Mapping[str, str]) -> bool:
    return any(name.startswith(f"{path}.") for name in comments)
