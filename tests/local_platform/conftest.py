"""A platform of its own for each test: a home under the test's folder, on ports that are free."""

import pytest

from local_platform import ports, settings
from local_platform.files import write_private
from local_platform.home import Home, locate
from local_platform.platform import Platform


def _run_of_free_ports(length: int) -> int:
    """The first of `length` free ports in a row whose last one + 10000 is free as well."""
    for first in range(20_000, 32_000, length):
        if all(map(ports.is_free, (*range(first, first + length), first + length - 1 + 10_000))):
            return first
    raise AssertionError("this machine has no free ports")


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home with settings on free ports."""
    path = tmp_path_factory.mktemp("h")
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(path))
    monkeypatch.delenv("NIGHTSHIFT_CLUSTER", raising=False)
    first = _run_of_free_ports(12)
    chosen = settings.Settings(
        airflow_port=first,
        mlflow_port=first + 1,
        s3_port=first + 2,
        cluster_port=first + 3,
        s3_inner_ports=first + 4,
    )
    found = locate()
    write_private(found.settings, settings.render(chosen))
    return found


@pytest.fixture
def platform(home: Home) -> Platform:
    """The platform of that home; nothing runs."""
    return Platform(home, settings.read(home))
