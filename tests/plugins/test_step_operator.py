"""The operator with real pods: every ending of a pod, killed tasks, and nights that must never make a pod."""

import signal
import subprocess
import time
from pathlib import Path

import pytest
from kubernetes.client import models as k8s

from embedded import Airflow, Cluster, Ran, Run, api_of, outcome, pods_of
from local_platform.cluster import NAMESPACE
from local_platform.ports import free
from nightshift_airflow.pods import OnePodManager

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
NIGHT = Run({"night": "2013-02-09"})


@pytest.fixture(scope="module")
def endings(airflow: Airflow) -> Ran:
    return airflow.run("endings", NIGHT)


def test_each_ending_has_its_state_and_only_what_may_pass_is_retried(endings: Ran) -> None:
    assert endings.runs == [
        {
            "environment": {"state": "success", "tries": 1},
            "done": {"state": "success", "tries": 1},
            "nothing_to_do": {"state": "skipped", "tries": 1},
            "rejected": {"state": "failed", "tries": 1},
            "bad_config": {"state": "failed", "tries": 1},
            "try_later": {"state": "failed", "tries": 2},
            "bug": {"state": "failed", "tries": 2},
            "out_of_memory": {"state": "failed", "tries": 1},
            "out_of_time": {"state": "failed", "tries": 1},
            "outlasted": {"state": "failed", "tries": 1},
            "unconfigured": {"state": "failed", "tries": 1},
        }
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "rejected: two datasets (exit 10: the data was rejected: fix the data, then clear the task)",
        "bad_config: no such column (exit 20: the configuration is wrong: fix it, then clear the task)",
        "try_later: storage is away (exit 75: an outside system failed: worth another try)",
        "failed: KeyError (exit 1: a bug, or a failure that no one has classified yet)",
        "out of memory: limit 64Mi; its last line was: fitting",
        "the task outlasted its execution_timeout: its pod was deleted; its last line was: fitting",
        "out of time: the step's limit is 2 s",
        'the pod could not start (CreateContainerConfigError): configmap "absent" not found',
    ],
)
def test_a_failure_is_one_sentence_with_the_last_line_of_the_step(endings: Ran, sentence: str) -> None:
    assert sentence in endings.errors


def test_a_skipped_task_says_why(endings: Ran) -> None:
    assert "nothing_to_do: the champion stands (exit 99: a decision left nothing to do)" in endings.log


def test_the_night_is_the_last_argument(endings: Ran) -> None:
    assert "the night is 2013-02-09" in endings.log


def test_no_pod_is_left(endings: Ran, cluster: Cluster) -> None:
    assert len(endings.runs) == 1
    assert [pod.metadata.name for pod in pods_of(cluster)] == []


def test_a_pod_has_its_environment_and_writes_only_to_tmp(endings: Ran) -> None:
    for line in ("OMP_NUM_THREADS=1", "HOME=/tmp", "NIGHTSHIFT_S3_REGION=here", "wrote to /tmp"):
        assert line in endings.log
    assert "NIGHTSHIFT_RUN_CAUSED_BY=endings:manual__" in endings.log
    assert "touch: cannot touch '/nothing'" in endings.log


def working(airflow: Airflow, cluster: Cluster) -> "tuple[subprocess.Popen[str], str]":
    """A run whose pod is at work, and the pod's name."""
    process = airflow.start("long", NIGHT)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for pod in pods_of(cluster):
            name = str(pod.metadata.name)
            if "working" in api_of(cluster).read_namespaced_pod_log(name, NAMESPACE):
                return process, name
        time.sleep(0.1)
    process.kill()
    raise AssertionError(f"no pod was at work within a minute:\n{process.communicate()[0][-6000:]}")


def test_a_killed_task_is_never_green_though_its_pod_ended_well(airflow: Airflow, cluster: Cluster) -> None:
    process, name = working(airflow, cluster)
    process.send_signal(signal.SIGTERM)
    ran = outcome(process)
    assert ran.states == [{"train": "failed"}]
    assert f"the task was killed: its pod ({name}) is deleted" in ran.errors[-1]
    assert pods_of(cluster) == []


def test_a_pod_that_is_deleted_by_someone_fails_the_task_and_says_so(airflow: Airflow, cluster: Cluster) -> None:
    process, name = working(airflow, cluster)
    api_of(cluster).delete_namespaced_pod(name, NAMESPACE, grace_period_seconds=0)
    ran = outcome(process)
    assert ran.states == [{"train": "failed"}]
    assert ran.errors[-1].startswith("the pod vanished: it was deleted, or its node was lost")


def test_a_run_that_names_no_usable_night_fails_with_one_sentence_before_any_pod(airflow: Airflow) -> None:
    ran = airflow.run("short", Run({"nigth": "2013-02-09"}), Run({"night": "2199-01-01"}), Run(dated=False))
    assert ran.states == [{"train": "failed"}] * 3
    misspelt, future, undated = ran.errors
    assert misspelt == "the run's configuration has unknown keys ['nigth']: the only one is 'night'"
    assert future.startswith("night 2199-01-01 is not over yet")
    assert undated == "this run has no date: trigger it again and enter 'night', for example 2013-02-09"
    assert "Building pod" not in ran.log


def test_a_kubernetes_that_is_away_is_named(airflow: Airflow, cluster: Cluster, tmp_path: Path) -> None:
    away = tmp_path / "kubeconfig"
    away.write_text(cluster.kubeconfig.read_text().replace(f":{cluster.port}", f":{free(1)[0]}"))
    ran = airflow.run("short", NIGHT, KUBECONFIG=str(away), AIRFLOW__WORKERS__API_RETRIES="1")
    assert ran.states == [{"train": "failed"}]
    assert ran.errors[-1].startswith("the Kubernetes API does not answer: ")


def test_a_creation_that_is_repeated_makes_one_pod(cluster: Cluster) -> None:
    manager = OnePodManager(kube_client=api_of(cluster))
    container = k8s.V1Container(name="base", image="i:1", command=["sleep", "60"])
    metadata = k8s.V1ObjectMeta(name="flights-train-1a2b3c4d", namespace=NAMESPACE)
    pod = k8s.V1Pod(metadata=metadata, spec=k8s.V1PodSpec(containers=[container], restart_policy="Never"))
    first, second = manager.create_pod(pod), manager.create_pod(pod)
    try:
        assert first.metadata.uid == second.metadata.uid
        assert len(pods_of(cluster)) == 1
    finally:
        api_of(cluster).delete_namespaced_pod(metadata.name, NAMESPACE, grace_period_seconds=0)
