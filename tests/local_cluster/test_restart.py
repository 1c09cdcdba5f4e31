"""The server ends and starts again: what becomes of its pods."""

import signal
from pathlib import Path

import pytest

from support.cluster_server import ClusterServer, find_marked_processes
from support.pod_client import get_terminated_state, wait_until
from support.signals import send_each

HANDS_OVER = "echo before; while [ ! -e {0} ]; do sleep 0.1; done; echo after; exit 5"


def test_a_running_pod_survives_a_killed_server(server: ClusterServer, tmp_path: Path) -> None:
    pods, gate = server.build_pod_client(), tmp_path / "gate"
    name = pods.start_pod(pods.build_pod(pods.build_shell_container(HANDS_OVER.format(gate))))
    pods.wait_for_log(name, "before")
    server.end(signal.SIGKILL)
    pods = server.start().build_pod_client()
    assert pods.read(name).status.phase == "Running"
    gate.touch()
    assert get_terminated_state(pods.finish(name)).exit_code == 5
    assert pods.log(name) == "before\nafter\n"


def test_a_pod_that_ended_while_no_server_ran_has_its_exit_code(server: ClusterServer, tmp_path: Path) -> None:
    pods, gate = server.build_pod_client(), tmp_path / "gate"
    name = pods.start_pod(pods.build_pod(pods.build_shell_container(HANDS_OVER.format(gate))))
    server.end(signal.SIGKILL)
    gate.touch()
    wait_until("the pod to end", lambda: not find_marked_processes(str(gate)))
    assert get_terminated_state(server.start().build_pod_client().finish(name)).exit_code == 5


def test_the_next_init_container_starts_after_a_restart(server: ClusterServer, tmp_path: Path) -> None:
    pods, gate = server.build_pod_client(), tmp_path / "gate"
    wait = pods.build_shell_container(f"while [ ! -e {gate} ]; do sleep 0.1; done", name="wait")
    name = pods.create(
        pods.build_pod(
            pods.build_shell_container("echo main"),
            initContainers=[wait, pods.build_shell_container("exit 0", name="next")],
        )
    )
    server.end(signal.SIGKILL)
    pods = server.start().build_pod_client()
    gate.touch()
    assert pods.finish(name).status.phase == "Succeeded"
    assert pods.log(name) == "main\n"


def test_a_deletion_goes_on_after_a_restart(server: ClusterServer, tmp_path: Path) -> None:
    pods, mark = server.build_pod_client(), str(tmp_path / "mark")
    name = pods.start_pod(
        pods.build_pod(pods.build_shell_container(f"trap '' TERM; echo deaf; while true; do sleep 0.1; done; {mark}"))
    )
    pods.wait_for_log(name, "deaf")
    pods.delete(name, grace_period_seconds=600)
    server.end(signal.SIGKILL)
    pods = server.start().build_pod_client()
    pods.delete(name, grace_period_seconds=1)
    pods.wait_gone(name)
    assert not find_marked_processes(mark)


def test_a_pod_whose_processes_are_gone_is_reported_failed(server: ClusterServer, tmp_path: Path) -> None:
    pods, mark = server.build_pod_client(), str(tmp_path / "mark")
    name = pods.start_pod(pods.build_pod(pods.build_shell_container(f"sleep 600; {mark}")))
    server.end(signal.SIGKILL)
    send_each(find_marked_processes(str(server.state)))
    wait_until("the container to follow its parent", lambda: not find_marked_processes(mark))
    pod = server.start().build_pod_client().finish(name)
    assert pod.status.phase == "Failed"
    assert (get_terminated_state(pod).exit_code, get_terminated_state(pod).reason) == (137, "ContainerStatusUnknown")
    assert "could not be located" in get_terminated_state(pod).message


def test_a_pod_whose_parent_process_is_killed_is_reported_failed(server: ClusterServer, tmp_path: Path) -> None:
    pods, mark = server.build_pod_client(), str(tmp_path / "mark")
    name = pods.start_pod(pods.build_pod(pods.build_shell_container(f"sleep 600; {mark}")))
    send_each(find_marked_processes(f"{server.state}/pods"))
    assert get_terminated_state(pods.finish(name)).reason == "ContainerStatusUnknown"
    wait_until("the container to follow its parent", lambda: not find_marked_processes(mark))


def test_a_server_that_is_told_to_end_ends_its_pods(server: ClusterServer, tmp_path: Path) -> None:
    pods, mark = server.build_pod_client(), str(tmp_path / "mark")
    handler = pods.build_shell_container(
        f"trap 'echo bye; exit 0' TERM; echo listens; while true; do sleep 0.1; done; {mark}"
    )
    names = [pods.start_pod(pods.build_pod(handler)) for _ in range(2)]
    for name in names:  # it runs before it has set its trap
        pods.wait_for_log(name, "listens")
    assert server.end() == 0
    assert not find_marked_processes(mark)
    assert not find_marked_processes(f"{server.state}/pods")
    pods = server.start().build_pod_client()
    for name in names:
        pod = pods.read(name)
        assert (pod.status.phase, pod.status.reason) == ("Failed", "Terminated")
        assert pods.log(name) == "listens\nbye\n"


def test_pods_end_when_no_server_comes_back(tmp_path: Path) -> None:
    server = ClusterServer(tmp_path, ("--orphan-seconds", "1")).start()
    pods, mark = server.build_pod_client(), str(tmp_path / "mark")
    pods.start_pod(pods.build_pod(pods.build_shell_container(f"sleep 600; {mark}")))
    server.end(signal.SIGKILL)
    assert find_marked_processes(mark)
    wait_until("the orphan to end", lambda: not find_marked_processes(mark), timeout=20)


def test_everything_is_remembered(server: ClusterServer) -> None:
    pods = server.build_pod_client()
    config, secret = pods.create_configmap({"a": "1"}), pods.create_secret({"b": "2"})
    completed = pods.run(pods.build_pod(pods.build_shell_container("echo said; exit 3"))).metadata.name
    version = int(pods.api.list_namespaced_config_map("nightshift").metadata.resource_version)
    server.end(signal.SIGKILL)
    pods = server.start().build_pod_client()
    assert pods.api.read_namespaced_config_map(config, "nightshift").data == {"a": "1"}
    assert pods.api.read_namespaced_secret(secret, "nightshift").data == {"b": "Mg=="}
    assert get_terminated_state(pods.read(completed)).exit_code == 3
    assert pods.log(completed) == "said\n"
    assert (
        int(pods.api.read_namespaced_config_map(pods.create_configmap({}), "nightshift").metadata.resource_version)
        > version
    )
    pods.delete(completed)
    wait_until("its files to be gone", lambda: not list((server.state / "pods").iterdir()))


def test_ended_pods_whose_task_is_gone_are_removed_soon(server: ClusterServer) -> None:
    pods = server.build_pod_client()
    watched = pods.build_pod(pods.build_shell_container("exit 0"))
    watched["metadata"]["annotations"] = {"local-cluster/unwatched-seconds": "0"}
    _, other = (
        pods.run(body).metadata.name for body in (watched, pods.build_pod(pods.build_shell_container("exit 0")))
    )
    running = pods.start_pod(pods.build_pod(pods.build_shell_container("sleep 600")))
    server.end(signal.SIGKILL)
    server.options = ("--unwatched-ttl", "0")
    server.start()
    wait_until("the pod whose task is gone to be removed", lambda: pods_named(server) == {other, running})


def pods_named(server: ClusterServer) -> set[str]:
    return {pod.metadata.name for pod in server.build_core_api().list_namespaced_pod("nightshift").items}


@pytest.mark.slow
def test_finished_pods_are_removed_in_time(tmp_path: Path) -> None:
    server = ClusterServer(tmp_path).start()
    pods = server.build_pod_client()
    completed = pods.run(pods.build_pod(pods.build_shell_container("exit 0"))).metadata.name
    running = pods.start_pod(pods.build_pod(pods.build_shell_container("sleep 600")))
    server.end(signal.SIGKILL)
    server.options = ("--pod-ttl", "0")
    pods = server.start().build_pod_client()
    pods.wait_gone(completed)
    assert pods.read(running).status.phase == "Running"
    server.end()
