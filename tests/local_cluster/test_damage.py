"""Files that a full disk, a power cut or a person has damaged: the cluster starts, and says what is lost."""

import signal
import sqlite3
from pathlib import Path

import pytest

from support.cluster_server import ClusterServer, find_marked_processes
from support.pod_client import PodClient, get_terminated_state, wait_until
from support.signals import send_each

GARBAGE = [b"", b"{", b"[1]", b'{"exitCode": "x"}', b"\xff\x00\xff"]
END = "echo said; exit 3"


def _run_of(server: ClusterServer, uid: str) -> Path:
    return server.state / "pods" / uid / "runs" / "main" / "0"


def _held(pods: PodClient, gate: Path) -> tuple[str, str]:
    """A running pod that ends with 3 once the gate is there: its name and UID."""
    name = pods.start_pod(
        pods.build_pod(pods.build_shell_container(f"while [ ! -e {gate} ]; do sleep 0.1; done; {END}"))
    )
    return name, pods.read(name).metadata.uid


def test_an_end_that_cannot_be_read_counts_as_lost(server: ClusterServer, tmp_path: Path) -> None:
    pods, gate = server.build_pod_client(), tmp_path / "gate"
    held = [_held(pods, gate) for _ in GARBAGE]
    ends = [_run_of(server, uid) / "exit.json" for _, uid in held]
    server.end(signal.SIGKILL)
    gate.touch()
    wait_until(
        "the pods to end",
        lambda: not find_marked_processes(f"{server.state}/pods") and all(end.exists() for end in ends),
    )
    for end, content in zip(ends, GARBAGE, strict=True):
        end.write_bytes(content)
    pods = server.start().build_pod_client()
    for name, uid in held:
        pod = pods.finish(name)
        assert pod.status.phase == "Failed"
        assert (get_terminated_state(pod).exit_code, get_terminated_state(pod).reason) == (
            137,
            "ContainerStatusUnknown",
        )
        assert "record cannot be read" in get_terminated_state(pod).message
        assert pods.log(name) == "said\n"
        assert server.log.count(f"{uid}/runs/main/0/exit.json cannot be read") == 1
    server.end()
    pods = server.start().build_pod_client()
    assert [pods.log(name) for name, _ in held] == ["said\n"] * len(GARBAGE)
    assert "cannot be read" not in server.log


def test_a_living_pod_is_taken_over_whatever_its_other_files_hold(server: ClusterServer, tmp_path: Path) -> None:
    pods, gate = server.build_pod_client(), tmp_path / "gate"
    name, uid = _held(pods, gate)
    server.end(signal.SIGKILL)
    run = _run_of(server, uid)
    (run / "started.json").write_bytes(b"{")
    (run / "spec.json").write_bytes(b"")
    (run.parent / "no-attempt").mkdir()
    (server.state / "pods" / "no-pod").mkdir()
    (server.state / "pods" / "no-directory").touch()
    pods = server.start().build_pod_client()
    assert pods.read(name).status.phase == "Running"
    gate.touch()
    assert get_terminated_state(pods.finish(name)).exit_code == 3
    assert pods.log(name) == "said\n"


def test_a_pod_directory_without_a_specification_starts_anew(server: ClusterServer, tmp_path: Path) -> None:
    pods, gate = server.build_pod_client(), tmp_path / "gate"
    name, uid = _held(pods, gate)
    server.end(signal.SIGKILL)
    send_each(find_marked_processes(str(server.state)))
    wait_until("the container to end", lambda: not find_marked_processes(str(gate)))
    run = _run_of(server, uid)
    (run / "spec.json").unlink()
    (run / "root").rmdir()
    gate.touch()
    assert get_terminated_state(server.start().build_pod_client().finish(name)).exit_code == 3


@pytest.mark.parametrize("content", [b"", b"garbage \xff"], ids=["empty", "garbage"])
def test_the_server_starts_with_damaged_files(server: ClusterServer, content: bytes) -> None:
    server.end(signal.SIGKILL)
    (server.state / "notify").unlink()
    for name in ("token", "server.pem", "ca.crt", "notify", ".token.1.unfinished"):
        (server.state / name).write_bytes(content)
    (server.home / ".kubeconfig.1.unfinished").touch()
    (server.state / "probe-left").mkdir()
    pods = server.start().build_pod_client()
    assert get_terminated_state(pods.run(pods.build_pod(pods.build_shell_container("exit 3")))).exit_code == 3
    assert not [path for path in (*server.state.iterdir(), *server.home.iterdir()) if "unfinished" in path.name]
    assert not list(server.state.glob("probe-*"))


def test_a_damaged_store_is_put_aside_and_its_pods_are_ended(server: ClusterServer, tmp_path: Path) -> None:
    pods, gate = server.build_pod_client(), tmp_path / "gate"
    _held(pods, gate)
    before = int(pods.api.list_namespaced_pod(pods.namespace).metadata.resource_version)
    server.end(signal.SIGKILL)
    (server.state / "objects.sqlite").write_bytes(b"no database" * 1000)
    (server.state / "objects.sqlite-wal").unlink()  # the database would be mended from it
    pods = server.start().build_pod_client()
    assert not pods.api.list_namespaced_pod(pods.namespace).items
    assert int(pods.api.list_namespaced_pod(pods.namespace).metadata.resource_version) > before
    assert len(list(server.state.glob("objects.sqlite.unreadable-*"))) == 1
    assert "all objects in it are lost" in server.log
    wait_until("the forgotten pod to be ended", lambda: not find_marked_processes(str(gate)))
    assert pods.run(pods.build_pod(pods.build_shell_container("exit 0"))).status.phase == "Succeeded"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"metadata": {}}'])
def test_a_damaged_object_is_forgotten_alone(server: ClusterServer, content: str) -> None:
    pods = server.build_pod_client()
    lost, remaining = pods.create_configmap({"a": "1"}), pods.create_configmap({"b": "2"})
    server.end(signal.SIGKILL)
    with sqlite3.connect(server.state / "objects.sqlite") as store:
        store.execute("UPDATE objects SET json = ? WHERE name = ?", (content, lost))
    store.close()
    pods = server.start().build_pod_client()
    names = [item.metadata.name for item in pods.api.list_namespaced_config_map(pods.namespace).items]
    assert remaining in names
    assert lost not in names
    assert f"configmaps nightshift/{lost} cannot be read" in server.log


def test_a_pod_that_cannot_be_taken_over_is_failed_alone(server: ClusterServer) -> None:
    pods = server.build_pod_client()
    broken, running = (pods.start_pod(pods.build_pod(pods.build_shell_container("sleep 600"))) for _ in range(2))
    server.end(signal.SIGKILL)
    with sqlite3.connect(server.state / "objects.sqlite") as store:
        store.execute("UPDATE objects SET json = replace(json, '\"status\":', '\"was\":') WHERE name = ?", (broken,))
    store.close()
    pods = server.start().build_pod_client()
    assert (pods.read(broken).status.phase, pods.read(broken).status.reason) == ("Failed", "Lost")
    assert pods.read(running).status.phase == "Running"


def test_a_start_that_fails_leaves_the_pods_alone(server: ClusterServer, tmp_path: Path) -> None:
    """The port is taken, say: the next start takes the pods over."""
    pods, gate = server.build_pod_client(), tmp_path / "gate"
    name, _ = _held(pods, gate)
    server.end(signal.SIGKILL)
    other = ClusterServer(tmp_path / "other").start()
    port = other.read_address().rpartition(":")[2]
    with pytest.raises(AssertionError, match=f"cannot listen on port {port}"):
        ClusterServer(server.home, ("--port", port)).start()
    other.end()
    pods = server.start().build_pod_client()
    assert pods.read(name).status.phase == "Running"
    gate.touch()
    assert get_terminated_state(pods.finish(name)).exit_code == 3
