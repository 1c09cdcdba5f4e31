"""The server ends and starts again: what becomes of its pods."""

import signal
from pathlib import Path

import pytest

from cluster_server import ClusterServer, marked
from pod_client import terminated, until
from support.signals import send_each

HANDS_OVER = "echo before; while [ ! -e {0} ]; do sleep 0.1; done; echo after; exit 5"


def test_a_running_pod_survives_a_killed_server(server: ClusterServer, tmp_path: Path) -> None:
    pods, gate = server.pods(), tmp_path / "gate"
    name = pods.started(pods.pod(pods.shell(HANDS_OVER.format(gate))))
    pods.said(name, "before")
    server.end(signal.SIGKILL)
    pods = server.start().pods()
    assert pods.read(name).status.phase == "Running"
    gate.touch()
    assert terminated(pods.finish(name)).exit_code == 5
    assert pods.log(name) == "before\nafter\n"


def test_a_pod_that_ended_while_no_server_ran_has_its_exit_code(server: ClusterServer, tmp_path: Path) -> None:
    pods, gate = server.pods(), tmp_path / "gate"
    name = pods.started(pods.pod(pods.shell(HANDS_OVER.format(gate))))
    server.end(signal.SIGKILL)
    gate.touch()
    until("the pod to end", lambda: not marked(str(gate)))
    assert terminated(server.start().pods().finish(name)).exit_code == 5


def test_the_next_init_container_starts_after_a_restart(server: ClusterServer, tmp_path: Path) -> None:
    pods, gate = server.pods(), tmp_path / "gate"
    wait = pods.shell(f"while [ ! -e {gate} ]; do sleep 0.1; done", name="wait")
    name = pods.create(pods.pod(pods.shell("echo main"), initContainers=[wait, pods.shell("exit 0", name="next")]))
    server.end(signal.SIGKILL)
    pods = server.start().pods()
    gate.touch()
    assert pods.finish(name).status.phase == "Succeeded"
    assert pods.log(name) == "main\n"


def test_a_deletion_goes_on_after_a_restart(server: ClusterServer, tmp_path: Path) -> None:
    pods, mark = server.pods(), str(tmp_path / "mark")
    name = pods.started(pods.pod(pods.shell(f"trap '' TERM; echo deaf; while true; do sleep 0.1; done; {mark}")))
    pods.said(name, "deaf")
    pods.delete(name, grace_period_seconds=600)
    server.end(signal.SIGKILL)
    pods = server.start().pods()
    pods.delete(name, grace_period_seconds=1)
    pods.wait_gone(name)
    assert not marked(mark)


def test_a_pod_whose_processes_are_gone_is_reported_failed(server: ClusterServer, tmp_path: Path) -> None:
    pods, mark = server.pods(), str(tmp_path / "mark")
    name = pods.started(pods.pod(pods.shell(f"sleep 600; {mark}")))
    server.end(signal.SIGKILL)
    send_each(marked(str(server.state)))
    until("the container to follow its parent", lambda: not marked(mark))
    pod = server.start().pods().finish(name)
    assert pod.status.phase == "Failed"
    assert (terminated(pod).exit_code, terminated(pod).reason) == (137, "ContainerStatusUnknown")
    assert "could not be located" in terminated(pod).message


def test_a_pod_whose_parent_process_is_killed_is_reported_failed(server: ClusterServer, tmp_path: Path) -> None:
    pods, mark = server.pods(), str(tmp_path / "mark")
    name = pods.started(pods.pod(pods.shell(f"sleep 600; {mark}")))
    send_each(marked(f"{server.state}/pods"))
    assert terminated(pods.finish(name)).reason == "ContainerStatusUnknown"
    until("the container to follow its parent", lambda: not marked(mark))


def test_a_server_that_is_told_to_end_ends_its_pods(server: ClusterServer, tmp_path: Path) -> None:
    pods, mark = server.pods(), str(tmp_path / "mark")
    handler = pods.shell(f"trap 'echo bye; exit 0' TERM; echo listens; while true; do sleep 0.1; done; {mark}")
    names = [pods.started(pods.pod(handler)) for _ in range(2)]
    for name in names:  # it runs before it has set its trap
        pods.said(name, "listens")
    assert server.end() == 0
    assert not marked(mark)
    assert not marked(f"{server.state}/pods")
    pods = server.start().pods()
    for name in names:
        pod = pods.read(name)
        assert (pod.status.phase, pod.status.reason) == ("Failed", "Terminated")
        assert pods.log(name) == "listens\nbye\n"


def test_pods_end_when_no_server_comes_back(tmp_path: Path) -> None:
    server = ClusterServer(tmp_path, ("--orphan-seconds", "1")).start()
    pods, mark = server.pods(), str(tmp_path / "mark")
    pods.started(pods.pod(pods.shell(f"sleep 600; {mark}")))
    server.end(signal.SIGKILL)
    assert marked(mark)
    until("the orphan to end", lambda: not marked(mark), patience=20)


def test_everything_is_remembered(server: ClusterServer) -> None:
    pods = server.pods()
    config, secret = pods.configmap({"a": "1"}), pods.secret({"b": "2"})
    done = pods.run(pods.pod(pods.shell("echo said; exit 3"))).metadata.name
    version = int(pods.api.list_namespaced_config_map("nightshift").metadata.resource_version)
    server.end(signal.SIGKILL)
    pods = server.start().pods()
    assert pods.api.read_namespaced_config_map(config, "nightshift").data == {"a": "1"}
    assert pods.api.read_namespaced_secret(secret, "nightshift").data == {"b": "Mg=="}
    assert terminated(pods.read(done)).exit_code == 3
    assert pods.log(done) == "said\n"
    assert (
        int(pods.api.read_namespaced_config_map(pods.configmap({}), "nightshift").metadata.resource_version) > version
    )
    pods.delete(done)
    until("its files to be gone", lambda: not list((server.state / "pods").iterdir()))


def test_ended_pods_whose_task_is_gone_are_removed_soon(server: ClusterServer) -> None:
    pods = server.pods()
    watched = pods.pod(pods.shell("exit 0"))
    watched["metadata"]["annotations"] = {"local-cluster/unwatched-seconds": "0"}
    _, other = (pods.run(body).metadata.name for body in (watched, pods.pod(pods.shell("exit 0"))))
    running = pods.started(pods.pod(pods.shell("sleep 600")))
    server.end(signal.SIGKILL)
    server.options = ("--unwatched-ttl", "0")
    server.start()
    until("the pod whose task is gone to be removed", lambda: pods_named(server) == {other, running})


def pods_named(server: ClusterServer) -> set[str]:
    return {pod.metadata.name for pod in server.core().list_namespaced_pod("nightshift").items}


@pytest.mark.slow
def test_finished_pods_are_removed_in_time(tmp_path: Path) -> None:
    server = ClusterServer(tmp_path).start()
    pods = server.pods()
    done = pods.run(pods.pod(pods.shell("exit 0"))).metadata.name
    running = pods.started(pods.pod(pods.shell("sleep 600")))
    server.end(signal.SIGKILL)
    server.options = ("--pod-ttl", "0")
    pods = server.start().pods()
    pods.wait_gone(done)
    assert pods.read(running).status.phase == "Running"
    server.end()
