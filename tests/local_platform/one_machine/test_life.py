"""The whole platform on this machine: it starts, survives the death of any service, and leaves nothing behind."""

import base64
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
import pytest
from kubernetes import client, config

from local_platform import marked_processes
from local_platform.demo.airflow_api import AirflowApi
from local_platform.errors import NotReady
from local_platform.one_machine.down import stop_platform
from local_platform.one_machine.home import Home
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.ports import is_free
from local_platform.one_machine.progress import Progress
from local_platform.one_machine.supervisor import Supervisor
from local_platform.one_machine.up import start_platform
from local_platform.services.embedded_cluster import CONFIGURATION, NAMESPACE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture
def running(home: Home) -> Iterator[Platform]:
    """A platform that runs; ended after the test, whatever happens."""
    try:
        yield start_platform(home, Progress())
    finally:
        marked_processes.end_processes_of(home.path, timeout=1)


def _until(condition: Callable[[], object], seconds: float, failure: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, failure
        time.sleep(0.2)


def _program_of(guard: int) -> psutil.Process:
    # A guard has a reaper, which adopts what a service leaves behind: the service itself is its oldest child.
    (reaper,) = psutil.Process(guard).children()
    return min(reaper.children(), key=psutil.Process.create_time)


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _all_serve(platform: Platform) -> bool:
    with suppress(Exception):  # the supervisor may not answer for a moment
        states = Supervisor(platform.home).read_states()
        return all(states[s.name].runs and s.ready(states[s.name].since) for s in platform.services)
    return False


def test_it_starts_heals_and_ends(running: Platform) -> None:
    supervisor = Supervisor(running.home)
    before = {name: state.process for name, state in supervisor.read_states().items()}
    assert set(before) == {s.name for s in running.services}
    _only_loopback(running)
    _users_log_in(running)
    _the_steps_find_their_environment(running)

    assert start_platform(running.home, Progress()).settings == running.settings
    assert {name: state.process for name, state in supervisor.read_states().items()} == before, (
        "a second up changed something"
    )

    left = [process for guard in before.values() for process in psutil.Process(guard).children(recursive=True)]
    for number, guard in enumerate(before.values()):
        os.kill(guard if number % 2 else _program_of(guard).pid, signal.SIGKILL)
    _until(lambda: not any(map(_lives, left)), 60, "something outlived its service or its guard")
    _until(lambda: _others_run(supervisor, before), 120, "not every service was started again")
    _until(lambda: _all_serve(running), 300, "not every service came back")

    _check_that_a_killed_supervisor_is_replaced(running)
    os.kill(_read_supervisor_pid(running), signal.SIGKILL)  # without one, too, everything is stopped
    stop_platform(running.home, Progress())
    assert marked_processes.find_processes_of(running.home.path) == []
    assert all(is_free(port) for port, _ in running.list_ports())


def _others_run(supervisor: Supervisor, before: dict[str, int]) -> bool:
    return all(state.process not in (0, before[name]) for name, state in supervisor.read_states().items())


def _only_loopback(platform: Platform) -> None:
    ours = {process.pid for process in marked_processes.find_processes_of(platform.home.path)}
    listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.pid in ours]
    assert len(listening) >= 4
    assert {c.laddr[:1] for c in listening} == {("127.0.0.1",)}


def _read_supervisor_pid(platform: Platform) -> int:
    return int((platform.home.path / "supervisord.pid").read_text())


def _check_that_a_killed_supervisor_is_replaced(platform: Platform) -> None:
    killed = _read_supervisor_pid(platform)
    os.kill(killed, signal.SIGKILL)
    start_platform(platform.home, Progress())
    assert _read_supervisor_pid(platform) != killed
    _until(lambda: _all_serve(platform), 60, "not every service serves")  # a busy one may be late with one answer


def _users_log_in(platform: Platform) -> None:
    key = platform.settings
    url = f"http://127.0.0.1:{key.airflow_port}"
    for user, password in (("admin", key.admin_password), ("analyst", key.analyst_password)):
        assert AirflowApi(url, user, password).read_import_errors() == []
    with pytest.raises(NotReady, match="401"):
        AirflowApi(url, "admin", "another password")
    _until(
        lambda: AirflowApi(url, "admin", key.admin_password).has_dag("flights_nightly"), 240, "the DAG was not parsed"
    )


def _the_steps_find_their_environment(platform: Platform) -> None:
    api = client.CoreV1Api(config.new_client_from_config(str(platform.home.kubeconfig)))
    values = api.read_namespaced_config_map(CONFIGURATION, NAMESPACE).data
    version, digests = "NIGHTSHIFT_RUN_CODE_VERSION", "NIGHTSHIFT_RUN_CODE_DIGESTS"
    edited = {name: values[name] for name in (version, digests)}  # somebody may work on the code while this runs
    assert values == {**platform.build_step_values(), **edited}
    assert len(values[version]) >= 12
    secret = api.read_namespaced_secret(CONFIGURATION, NAMESPACE).data
    assert {name: base64.b64decode(value).decode() for name, value in secret.items()} == platform.build_step_secrets()
