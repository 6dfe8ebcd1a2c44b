"""What seals a secret for good is known to `posthorn reseal`, which seals all of them again under a new key."""

from __future__ import annotations

import inspect

from services.resealing import places
from shared.contracts import purposes
from tests.style.test_layout import SOURCES, name_of

SEALERS = {
    "services/ingest/domains/keys.py",
    "services/router/api/transports.py",
    "services/suppression/erasing/api.py",
    "services/suppression/store/naming.py",
    "services/webhooks/sealing.py",
    "shared/secrets.py",  # `renewed` itself
}


def test_whoever_seals_is_one_of_those_whose_secrets_are_sealed_again() -> None:
    """Another one here needs its place in services/resealing/places.py first."""
    sealing = {name_of(path) for path in SOURCES if "box.seal(" in (text := path.read_text()) or "self.seal(" in text}
    assert sealing == SEALERS


def test_every_purpose_has_a_place() -> None:
    named = {name for name, _ in inspect.getmembers(purposes, inspect.isfunction)}
    assert named <= vars(places).keys()
