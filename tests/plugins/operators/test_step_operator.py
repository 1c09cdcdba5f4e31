"""The operator with real pods: every ending of a pod, killed tasks, and nights that must never make a pod."""

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from kubernetes.client import models as k8s

from nightshift_airflow.kubernetes.pod_manager import SinglePodManager
from support.embedded import Airflow, Ran, Run, read_outcome
from support.free_settings import find_free_ports
from support.step_cluster import StepCluster

pytestmark = pytest.mark.timeout(1200)
NIGHT = Run({"night": "2013-02-09"})


@pytest.fixture(scope="module", params=["endings", "endings_deferred"])
def endings(airflow: Airflow, cluster: StepCluster, request: pytest.FixtureRequest) -> Ran:
    """Every ending, with a worker that follows the pod, and with a trigger that looks at it now and then."""
    return airflow.run(request.param, NIGHT, **cluster.environment)


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
        "out of time: the step's limit is 4 s",
        'the pod could not start (CreateContainerConfigError): configmap "absent" not found',
    ],
)
def test_a_failure_is_one_sentence_with_the_last_line_of_the_step(endings: Ran, sentence: str) -> None:
    assert sentence in endings.errors


def test_the_log_counts_the_real_failures(endings: Ran) -> None:
    assert "real failure 1 of 3" in endings.log
    assert "real failure 2 of 3: it is not tried again" in endings.log
    assert "infrastructure lost" not in endings.log


def test_a_skipped_task_says_why(endings: Ran) -> None:
    assert "nothing_to_do: the champion stands (exit 99: a decision left nothing to do)" in endings.log


def test_the_night_is_the_last_argument(endings: Ran) -> None:
    assert "the night is 2013-02-09" in endings.log


def test_no_pod_is_left(endings: Ran, cluster: StepCluster) -> None:
    assert len(endings.runs) == 1
    assert cluster.wait_until_empty()


def test_a_pod_has_its_environment_and_writes_only_to_tmp(endings: Ran) -> None:
    for line in ("OMP_NUM_THREADS=1", "HOME=/tmp", "NIGHTSHIFT_S3_REGION=here", "wrote to /tmp"):
        assert line in endings.log
    assert "NIGHTSHIFT_RUN_CAUSED_BY=endings" in endings.log
    assert "touch: cannot touch '/nothing'" in endings.log


def working(airflow: Airflow, cluster: StepCluster) -> "tuple[subprocess.Popen[str], str]":
    """A run whose pod is at work, and the pod's name."""
    process = airflow.start("long", NIGHT, **cluster.environment)
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        for pod in cluster.list_pods():
            name = str(pod.metadata.name)
            if pod.status.phase == "Running" and "working" in cluster.log(name):
                return process, name
        time.sleep(0.1)
    process.kill()
    raise AssertionError(f"no pod was at work in time:\n{process.communicate()[0][-6000:]}")


def test_a_killed_task_is_never_green_though_its_pod_ended_well(airflow: Airflow, cluster: StepCluster) -> None:
    process, name = working(airflow, cluster)
    process.send_signal(signal.SIGTERM)
    ran = read_outcome(process)
    assert ran.states == [{"train": "failed"}]
    assert f"the task was killed: its pod ({name}) is deleted" in ran.errors[-1]
    assert cluster.wait_until_empty()


def test_a_pod_that_is_deleted_by_someone_fails_the_task_and_says_so(airflow: Airflow, cluster: StepCluster) -> None:
    process, name = working(airflow, cluster)
    cluster.build_api().delete_namespaced_pod(name, cluster.namespace, grace_period_seconds=0)
    ran = read_outcome(process)
    assert ran.states == [{"train": "failed"}]
    assert ran.errors[-1].startswith("the pod vanished: it was deleted, or its node was lost")


def test_a_pod_that_ended_well_because_it_was_deleted_is_not_green(airflow: Airflow, cluster: StepCluster) -> None:
    process, name = working(airflow, cluster)
    cluster.build_api().delete_namespaced_pod(name, cluster.namespace)
    ran = read_outcome(process)
    assert ran.states == [{"train": "failed"}]
    assert re.match("the pod (vanished|was deleted while it ended)", ran.errors[-1])


def test_a_run_that_names_no_usable_night_fails_with_one_sentence_before_any_pod(
    airflow: Airflow, cluster: StepCluster
) -> None:
    runs = Run({"nigth": "2013-02-09"}), Run({"night": "2199-01-01"}), Run(dated=False)
    ran = airflow.run("short", *runs, **cluster.environment)
    assert ran.states == [{"train": "failed"}] * 3
    misspelt, future, undated = ran.errors
    assert misspelt == "the run's configuration has unknown keys ['nigth']: the only one is 'night'"
    assert future.startswith("night 2199-01-01 is not over yet")
    assert undated == "this run has no date: trigger it again and enter 'night', for example 2013-02-09"
    assert "Building pod" not in ran.log


def test_a_kubernetes_that_is_away_is_named(airflow: Airflow, cluster: StepCluster, tmp_path: Path) -> None:
    nowhere = f"https://127.0.0.1:{find_free_ports(1)[0]}"
    unreachable = tmp_path / "kubeconfig"
    unreachable.write_text(re.sub(r"https://[\w.:]+", nowhere, cluster.kubeconfig.read_text()))
    settings = {"KUBECONFIG": str(unreachable), "NIGHTSHIFT_KUBERNETES_RETRY_SECONDS": "2"}
    ran = airflow.run("short", NIGHT, **{**cluster.environment, **settings})
    assert ran.states == [{"train": "failed"}]
    assert re.match(
        r"the Kubernetes API does not answer: .*Connection refused, for [2-9] s\. The next try", ran.errors[-1]
    )


def test_a_creation_that_is_repeated_makes_one_pod(cluster: StepCluster) -> None:
    manager = SinglePodManager(kube_client=cluster.build_api())
    container = k8s.V1Container(name="base", image=cluster.image, command=["sleep", "60"])
    metadata = k8s.V1ObjectMeta(name="flights-train-1a2b3c4d", namespace=cluster.namespace)
    pod = k8s.V1Pod(metadata=metadata, spec=k8s.V1PodSpec(containers=[container], restart_policy="Never"))
    first, second = manager.create_pod(pod), manager.create_pod(pod)
    try:
        assert first.metadata.uid == second.metadata.uid
        assert len(cluster.list_pods()) == 1
    finally:
        cluster.build_api().delete_namespaced_pod(metadata.name, cluster.namespace, grace_period_seconds=0)
