"""The disk fills up while pods run, and has space again: nothing is lost, and nobody has to do anything."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from kubernetes.client.exceptions import ApiException

from local_cluster.shim.logfile import LogFile
from support.cluster_server import ClusterServer, find_marked_processes
from support.pod_client import get_terminated_state, wait_until
from support.signals import send_each

# A small disk for the state, and a supervisor that starts the server again: both go with this shell.
ON_SMALL_DISK = 'mkdir -p "$0" && mount -t tmpfs -o size=6m tmpfs "$0" && while true; do "$@"; sleep 0.2; done'


@dataclass
class SmallDiskServer(ClusterServer):
    """A server whose state lies on a disk of a few megabytes, which is started again when it ends."""

    @property
    def command(self) -> list[str]:
        return ["unshare", "-rm", "sh", "-c", ON_SMALL_DISK, str(self.state), *super().command]

    @property
    def disk(self) -> Path:
        """The state as its processes see it."""
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/root{self.state}")

    def fill(self) -> None:
        with (self.disk / "ballast").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return

    def free(self) -> None:
        (self.disk / "ballast").unlink()

    def kill_server(self) -> None:
        assert self.process is not None
        send_each(psutil.Process(self.process.pid).children())


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallDiskServer]:
    allowed = shutil.which("unshare") and subprocess.run(["unshare", "-rm", "true"], check=False).returncode == 0
    if not allowed:
        pytest.skip("this machine forbids user namespaces, so no small disk can be made")
    server = SmallDiskServer(tmp_path)
    yield server
    server.end(signal.SIGKILL)
    send_each(find_marked_processes(str(server.state)))


def _serving(server: SmallDiskServer, times: int) -> None:
    wait_until("the server to serve", lambda: server.log.count("serving Kubernetes") == times)


def _refusal(create: Callable[..., object], *arguments: object) -> str:
    """What the API answers to a creation that it refuses with 507; "" when it takes it."""
    try:
        create(*arguments)
    except ApiException as error:
        return str(error.body) if error.status == 507 else f"{error.status} instead of 507: {error.body}"
    return ""


def test_a_full_disk_loses_nothing(small: SmallDiskServer, tmp_path: Path) -> None:
    pods, gate = small.start().build_pod_client(), tmp_path / "gate"
    name = pods.start_pod(
        pods.build_pod(pods.build_shell_container(f"while [ ! -e {gate} ]; do sleep 0.1; done; echo said; exit 3"))
    )
    small.fill()
    assert "disk full" in wait_until("the store to be full", lambda: _refusal(pods.create_configmap, {"a": "x" * 4000}))
    gate.touch()
    assert get_terminated_state(pods.finish(name)).exit_code == 3  # known although no file says it

    small.kill_server()
    wait_until("the server to wait for space", lambda: "the start continues once there is space" in small.log)
    small.free()
    _serving(small, 2)
    pods = small.build_pod_client()
    assert get_terminated_state(pods.finish(name)).exit_code == 3  # its parent process has recorded it meanwhile
    assert pods.run(pods.build_pod(pods.build_shell_container("exit 0"))).status.phase == "Succeeded"


def test_a_pod_that_finds_the_disk_full_is_evicted_and_the_next_one_runs(small: SmallDiskServer) -> None:
    pods, ended = small.start().build_pod_client(), []
    small.fill()
    refusal = _refusal(lambda: ended.append(pods.run(pods.build_pod(pods.build_shell_container("exit 0")))))
    if ended:  # the store's file had room for it
        assert (ended[0].status.phase, ended[0].status.reason) == ("Failed", "Evicted")
    assert "disk full" in (ended[0].status.message if ended else refusal)
    small.free()
    assert pods.run(pods.build_pod(pods.build_shell_container("exit 0"))).status.phase == "Succeeded"


def test_a_log_goes_on_after_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, write = LogFile(str(tmp_path / "log")), os.write
    room = [70]

    def limited(file: int, data: bytes) -> int:
        if room[0] == 0:
            raise OSError(28, "No space left on device")
        written = write(file, data[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr("os.write", limited)
    log.write_lines(b"first\nsecond line that is cut\n")
    log.write_lines(b"lost\n")
    room[0] = 1000
    log.write_lines(b"after\n")
    log.close()
    lines = [line.split(" ", 2)[-1] for line in (tmp_path / "log").read_text().splitlines()]
    assert lines[0] == "first"
    assert "second line that is cut".startswith(lines[1])
    assert lines[2].startswith("disk full: about ")
    assert lines[3:] == ["after"]
