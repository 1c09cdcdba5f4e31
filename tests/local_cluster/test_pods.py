"""What the embedded cluster promises beyond what any cluster does."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from support.cluster_server import ClusterServer, find_marked_processes
from support.pod_client import Object, PodClient, get_terminated_state, wait_until

AT_TMP: Object = {"volumes": [{"name": "tmp", "emptyDir": {}}]}
MOUNT = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - the path of a pod's volume


def test_the_reply_to_create_shows_a_running_pod(pods: PodClient) -> None:
    """The operator that reads Pending once sleeps for five seconds."""
    created = pods.api.create_namespaced_pod(pods.namespace, pods.build_pod(pods.build_shell_container("sleep 600")))
    assert created.status.phase == "Running"
    pods.delete(created.metadata.name, grace_period_seconds=0)


def test_the_last_status_is_there_when_the_log_ends(pods: PodClient) -> None:
    """The operator that reads Running after the log sleeps for two seconds."""
    for code in range(5):
        name = pods.create(pods.build_pod(pods.build_shell_container(f"sleep 0.2; exit {code}")))
        pods.log(name, follow=True)
        assert pods.read(name).status.phase == ("Failed" if code else "Succeeded")


def test_a_pod_has_the_environment_that_it_asked_for_and_no_more(pods: PodClient) -> None:
    log = pods.read_output(pods.build_container("env", env=[{"name": "OWN", "value": "1"}]))
    assert {line.partition("=")[0] for line in log.splitlines()} == {"PATH", "HOME", "TMPDIR", "LANG", "OWN"}
    assert "server-secret" not in log


def test_the_programs_of_the_environment_come_first(pods: PodClient) -> None:
    assert (
        pods.read_output(pods.build_container("python", "-c", "import sys, local_cluster; print(sys.prefix)")).strip()
        == _prefix()
    )


def _prefix() -> str:

    return sys.prefix


def test_each_pod_has_a_working_directory_of_its_own(pods: PodClient) -> None:
    first, second = (
        pods.read_output(pods.build_shell_container('touch file; pwd; ls; echo "$HOME"; ls "$TMPDIR"'))
        for _ in range(2)
    )
    assert first != second
    place, listed, home = first.split()
    assert (listed, home) == ("file", place)


def test_without_a_command_the_pod_fails_and_says_why(pods: PodClient) -> None:
    body = pods.build_pod({"name": "main", "image": "some/image:1", "args": ["x"]})
    pod = pods.run(body)
    assert pod.status.phase == "Failed"
    assert "give the container a command" in get_terminated_state(pod).message
    assert "some/image:1" in get_terminated_state(pod).message


def test_a_volume_that_one_machine_does_not_have(pods: PodClient) -> None:
    volume = {"name": "disk", "persistentVolumeClaim": {"claimName": "x"}}
    pod = pods.run(pods.build_pod(pods.build_shell_container("exit 0"), volumes=[volume]))
    assert pod.status.phase == "Failed"
    assert "persistentVolumeClaim" in pod.status.message


def test_pods_cannot_read_the_servers_files(shared: ClusterServer, pods: PodClient) -> None:
    script = f"ls -A {shared.state} | grep -v pods; cat {shared.kubeconfig}; ls {shared.state}/pods | wc -l"
    assert pods.read_output(pods.build_shell_container(script)) == "1\n"


def test_nothing_of_a_pod_outlives_it(pods: PodClient, tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    leaves = f"setsid sh -c 'sleep 600; {mark}' & sleep 0.3; exit 0"
    name = pods.run(pods.build_pod(pods.build_shell_container(leaves))).metadata.name
    assert not find_marked_processes(mark)
    assert pods.read(name).status.phase == "Succeeded"


def test_the_memory_of_all_processes_counts(pods: PodClient) -> None:
    child = "x = bytearray(60_000_000); import time; time.sleep(30)"
    container = pods.build_shell_container(
        f'python -c "{child}" & python -c "{child}" & wait', resources={"limits": {"memory": "100Mi"}}
    )
    begin = time.monotonic()
    pod = pods.run(pods.build_pod(container))
    assert get_terminated_state(pod).reason == "OOMKilled"
    assert time.monotonic() - begin < 20
    events = pods.api.list_namespaced_event(
        pods.namespace, field_selector=f"involvedObject.uid={pod.metadata.uid}"
    ).items
    assert any("memory limit 100Mi" in event.message for event in events)


def test_the_environment_stays_visible_below_a_volume(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A checkout below /tmp works with a volume at /tmp: what the server needs is shown there again."""
    home = tmp_path_factory.mktemp("kept")
    (home / "file").write_text("still here")
    server = ClusterServer(home / "cluster", ("--keep", str(home))).start()
    pods = server.build_pod_client()
    place = str(home.parent)
    mount = [{"name": "tmp", "mountPath": place}]
    log = pods.read_output(pods.build_shell_container(f"cat {home}/file; ls {place}", volumeMounts=mount), **AT_TMP)
    assert log.split("\n")[0] == f"still here{home.name}"
    server.end()


def test_where_mounts_are_forbidden_tmp_is_given_by_name(tmp_path: Path) -> None:
    server = ClusterServer(tmp_path, ("--isolation", "none")).start()
    pods = server.build_pod_client()
    log = pods.read_output(
        pods.build_shell_container('ls -A "$TMPDIR"; touch "$TMPDIR/x"; echo "$TMPDIR"', volumeMounts=MOUNT), **AT_TMP
    )
    assert log.startswith(str(server.state))
    pod = pods.run(
        pods.build_pod(
            pods.build_shell_container("exit 0", volumeMounts=[{"name": "tmp", "mountPath": "/data"}]), **AT_TMP
        )
    )
    assert pod.status.phase == "Failed"
    assert "cannot mount a volume at /data" in get_terminated_state(pod).message
    server.end()


def test_without_namespaces_the_whole_group_ends(tmp_path: Path) -> None:
    server = ClusterServer(tmp_path / "home", ("--isolation", "none")).start()
    pods, mark = server.build_pod_client(), str(tmp_path / "mark")
    name = pods.start_pod(
        pods.build_pod(
            pods.build_shell_container(f"setsid sh -c 'trap \"\" TERM; sleep 600; {mark}' & sleep 600; {mark}")
        )
    )
    wait_until("both to run", lambda: len(find_marked_processes(mark)) >= 2)
    pods.delete(name, grace_period_seconds=1)
    pods.wait_gone(name)
    wait_until("both to end", lambda: not find_marked_processes(mark))  # killed already; a busy machine takes a moment
    server.end()


def test_an_idle_server_costs_nothing(shared: ClusterServer, pods: PodClient) -> None:
    name = pods.start_pod(pods.build_pod(pods.build_shell_container("sleep 600")))
    assert shared.process is not None
    server = psutil.Process(shared.process.pid)
    before = sum(server.cpu_times()[:2])
    time.sleep(3)
    assert sum(server.cpu_times()[:2]) - before < 0.06
    pods.delete(name, grace_period_seconds=0)


def test_a_pod_that_nobody_watches_is_ended_if_it_wants_so(pods: PodClient) -> None:
    expected = pods.build_pod(
        pods.build_shell_container("sleep 600"), terminationGracePeriodSeconds=1, labels={"lost": "yes"}
    )
    expected["metadata"]["annotations"] = {"local-cluster/unwatched-seconds": "2"}
    followed = pods.create(expected)
    log = pods.api.read_namespaced_pod_log(followed, pods.namespace, follow=True, _preload_content=False)
    lost, other = (
        pods.create(expected),
        pods.create(pods.build_pod(pods.build_shell_container("sleep 600"), labels={"lost": "yes"})),
    )

    def phases() -> dict[str, str]:
        current = pods.api.list_namespaced_pod(pods.namespace, label_selector="lost=yes").items
        return {pod.metadata.name: pod.status.phase for pod in current}

    wait_until("the lost pod to be ended", lambda: phases()[lost] == "Failed", timeout=20)
    assert phases() == {followed: "Running", lost: "Failed", other: "Running"}
    assert pods.read(lost).status.reason == "Unwatched"
    log.close()
    wait_until("the other to be ended too", lambda: phases()[followed] == "Failed", timeout=20)
    pods.delete(other, grace_period_seconds=0)
