"""Every setting that a process can be given, by its variable, and all settings as an environment would make them."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest

from services.roles import SERVICES
from shared.settings import SharedSettings

KINDS: dict[str, type[SharedSettings]] = {
    name: import_module(f"services.{name}.settings").Settings for name in SERVICES
}
VARIABLES = {f"POSTHORN_{field.upper()}" for kind in KINDS.values() for field in kind.model_fields}
KEYS = dict.fromkeys(("POSTHORN_PEPPER", "POSTHORN_TOKEN_KEY", "POSTHORN_ENCRYPTION_KEY"), base64.b64encode(bytes(32)))


@contextmanager
def settings_of(environment: Mapping[str, str], folder: Path) -> Iterator[dict[str, SharedSettings]]:
    """Each service's settings in an environment, with keys, and `folder` for the directory of secrets."""
    with pytest.MonkeyPatch.context() as patch:
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        for name, key in KEYS.items():
            patch.setenv(name, key.decode())
        if "POSTHORN_SECRETS_DIR" in environment:
            patch.setenv("POSTHORN_SECRETS_DIR", str(folder))
        yield {name: kind() for name, kind in KINDS.items()}
