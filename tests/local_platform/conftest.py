"""A platform of its own for each test: a home under the test's folder, on ports that are free."""

import pytest

from local_platform.files import write_private
from local_platform.one_machine import settings
from local_platform.one_machine.home import Home, locate_home
from local_platform.one_machine.platform import Platform
from support.free_settings import build_settings_on_free_ports


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home with settings on free ports."""
    path = tmp_path_factory.mktemp("h")
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(path))
    monkeypatch.delenv("NIGHTSHIFT_CLUSTER", raising=False)
    located = locate_home()
    write_private(located.settings, settings.render_settings(build_settings_on_free_ports()))
    return located


@pytest.fixture
def platform(home: Home) -> Platform:
    """The platform of that home; nothing runs."""
    return Platform(home, settings.read_settings(home))
