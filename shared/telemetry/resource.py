"""Who made a span: the resource attributes of a service."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from uuid import uuid4

from opentelemetry.sdk.resources import Resource

from shared.telemetry import names

NAMESPACE = "posthorn"
INSTANCE = str(uuid4())
"""Of this process; `OTEL_RESOURCE_ATTRIBUTES` may name a better one, such as the pod's."""


def service_name(service: str) -> str:
    return f"posthorn-{service}"


def resource_of(service: str) -> Resource:
    """The resource of a service that runs here. The environment (`OTEL_RESOURCE_ATTRIBUTES`) says the last word on all
    but its name, for a process may run several."""
    ours = {
        names.SERVICE_NAMESPACE: NAMESPACE,
        names.SERVICE_VERSION: _version(),
        names.SERVICE_INSTANCE: INSTANCE,
    }
    return Resource(ours).merge(Resource.create()).merge(Resource({names.SERVICE_NAME: service_name(service)}))


@lru_cache
def elsewhere(service: str) -> Resource:
    """Of one that ran elsewhere: neither its instance nor its environment is known."""
    return Resource({names.SERVICE_NAMESPACE: NAMESPACE, names.SERVICE_NAME: service_name(service)})


def _version() -> str:
    try:
        return version("posthorn")
    except PackageNotFoundError:  # a checkout that was not installed
        return "unknown"
