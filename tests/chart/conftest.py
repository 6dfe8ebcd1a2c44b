"""Helm and a cluster, once for all tests of a worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart import programs
from tests.chart.cluster import Cluster, running_cluster
from tests.chart.releases import Helm


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    """Helm 3 without a cluster."""
    return Helm(programs.helm(3), tmp_path)
