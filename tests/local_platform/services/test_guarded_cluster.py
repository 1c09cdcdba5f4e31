"""The embedded cluster under its guard: who is killed, who lives on, and that nothing outlives the platform."""

import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from local_platform import marked_processes
from local_platform.services.embedded_cluster import Cluster, define_service
from support.cluster_server import ClusterServer, find_marked_processes
from support.pod_client import get_terminated_state, wait_until


@dataclass
class GuardedServer(ClusterServer):
    """The server as the platform starts it."""

    @property
    def command(self) -> list[str]:
        guard = define_service(Cluster(self.state, 0, self.kubeconfig)).guarded_command
        return [*guard[: guard.index(sys.executable, 1)], *super().command, "--mark", marked_processes.MARK]

    def kill_server(self) -> None:
        """Kills the server and waits for its guard, which ends with it."""
        assert self.process is not None
        (server,) = psutil.Process(self.process.pid).children()
        server.kill()
        self.process.wait(20)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[GuardedServer]:
    server = GuardedServer(tmp_path)
    server.start(**{marked_processes.MARK: str(tmp_path)})
    yield server
    server.end()
    marked_processes.end_processes_of(tmp_path)


def test_the_pods_of_a_killed_server_are_taken_over(guarded: GuardedServer, tmp_path: Path) -> None:
    pods, gate = guarded.build_pod_client(), tmp_path / "gate"
    name = pods.start_pod(
        pods.build_pod(pods.build_shell_container(f"while [ ! -e {gate} ]; do sleep 0.1; done; exit 3"))
    )
    for _ in range(2):
        guarded.kill_server()
        pods = guarded.start(**{marked_processes.MARK: str(tmp_path)}).build_pod_client()
        assert pods.read(name).status.phase == "Running"
    gate.touch()
    assert get_terminated_state(pods.finish(name)).exit_code == 3


def test_a_killed_guard_leaves_its_pods_to_the_next_server(guarded: GuardedServer, tmp_path: Path) -> None:
    pods, gate = guarded.build_pod_client(), tmp_path / "gate"
    name = pods.start_pod(
        pods.build_pod(pods.build_shell_container(f"while [ ! -e {gate} ]; do sleep 0.1; done; exit 3"))
    )
    guarded.end(signal.SIGKILL)
    wait_until("the server to follow its guard", lambda: len(find_marked_processes(str(guarded.kubeconfig))) == 0)
    pods = guarded.start(**{marked_processes.MARK: str(tmp_path)}).build_pod_client()
    gate.touch()
    assert get_terminated_state(pods.finish(name)).exit_code == 3


def test_a_guard_that_is_told_to_end_ends_the_pods(guarded: GuardedServer, tmp_path: Path) -> None:
    pods, mark = guarded.build_pod_client(), str(tmp_path / "mark")
    pods.start_pod(pods.build_pod(pods.build_shell_container(f"sleep 600; {mark}")))
    guarded.end()
    assert not find_marked_processes(mark)
    assert not find_marked_processes(str(guarded.state))


def test_the_end_of_the_platform_ends_the_pods_that_a_killed_server_left(
    guarded: GuardedServer, tmp_path: Path
) -> None:
    pods, mark = guarded.build_pod_client(), str(tmp_path / "mark")
    pods.start_pod(pods.build_pod(pods.build_shell_container(f"sleep 600; {mark}")))
    guarded.kill_server()
    assert find_marked_processes(mark)
    assert marked_processes.end_processes_of(tmp_path) == 1
    wait_until("the pod to follow", lambda: not find_marked_processes(mark))
