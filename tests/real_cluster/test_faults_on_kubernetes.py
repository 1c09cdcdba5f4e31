"""What happens to a run when something fails on a real cluster: each fault through Airflow's own scheduler and pods.

A step is held in its middle by stopping MLflow's process where it is: the step's call then waits. After each fault the
results must be as `invariants` says, and no pod may be left.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from kubernetes import client

import real_invariants as invariants
from local_platform.orchestration import is_healthy
from pod_client import until
from real_chain import Chain
from real_platform import RealPlatform, TaskRun
from support.signals import send_each

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(1800)]
TAINT = "nightshift-test"


@pytest.fixture(autouse=True)
def intact(chain: Chain) -> Iterator[None]:
    """Whatever a test does, what stood before it still stands, and no pod is left."""
    before = invariants.standing(chain.real)
    yield
    invariants.check(chain.real, before)


def trained(real: RealPlatform, night: str) -> int:
    """How many versions the night has."""
    return real.versions().count(night)


@contextmanager
def training(real: RealPlatform, night: str, name: str, dag: str = "faults_train") -> Iterator[tuple[TaskRun, Any]]:
    """A run whose training is held in its middle for the length of a block, and its pod."""
    with real.held("mlflow"):
        run = real.start(dag, night, name)
        yield run, real.running_pod("train", saying="training:")


def test_a_worker_that_is_asked_to_end_fails_its_task_and_the_retry_succeeds(real: RealPlatform) -> None:
    with training(real, "2013-03-01", "asked_to_end") as (run, pod):
        _, tasks = real.workers()
        assert len(tasks) == 1
        tasks[0].terminate()
        until("the end of its pod", lambda: pod.metadata.name not in names(real), 180)
    assert run.end() == "success"
    assert run.task("train")["try_number"] == 2
    assert trained(real, "2013-03-01") == 1
    tells(run, "train", "the task was killed")


def test_a_worker_that_is_killed_is_replaced_and_there_is_one_version(real: RealPlatform) -> None:
    with training(real, "2013-03-02", "killed") as (run, _):
        kill_workers(real)
    assert run.end() == "success"
    assert run.task("train")["try_number"] == 2
    assert trained(real, "2013-03-02") == 1
    assert "without a heartbeat" in real.logged("scheduler")


def test_a_worker_killed_after_its_pod_succeeded_leads_to_no_second_version(real: RealPlatform) -> None:
    with training(real, "2013-03-03", "killed_late") as (run, pod):
        supervising, tasks = real.workers()
        send_each((*supervising, *tasks), signal.SIGSTOP)
    until("the pod's success", lambda: phase(real, pod.metadata.name) == "Succeeded", 120)
    assert trained(real, "2013-03-03") == 1
    kill_workers(real)
    assert run.end() == "success"
    assert run.task("train")["try_number"] == 2
    assert trained(real, "2013-03-03") == 1
    tells(run, "train", "of an earlier try has succeeded: its work is not repeated")


def test_a_killed_scheduler_is_started_again_and_the_night_ends(real: RealPlatform) -> None:
    with real.held("mlflow"):
        run = real.start("faults_night", "2013-03-04", "no_scheduler")
        real.running_pod("train", saying="training:")
        real.kill("scheduler")
    assert run.end() == "success"
    assert trained(real, "2013-03-04") == 1
    assert published(real, "2013-03-05")


def test_a_deleted_pod_is_made_again(real: RealPlatform) -> None:
    with training(real, "2013-03-06", "deleted") as (run, pod):
        real.core.delete_namespaced_pod(pod.metadata.name, "nightshift", grace_period_seconds=0)
        until("its end", lambda: pod.metadata.name not in names(real), 180)
    assert run.end() == "success"
    assert run.task("train")["try_number"] == 2
    assert trained(real, "2013-03-06") == 1
    tells(run, "train", "was deleted")


def test_too_little_memory_is_said_with_the_limit_and_the_champion_stands(real: RealPlatform) -> None:
    champion = invariants.standing(real).champion
    run = real.start("faults_memory", "2013-03-07", "memory")
    assert run.end() == "failed"
    tells(run, "train", "out of memory: limit 160Mi")
    assert trained(real, "2013-03-07") == 0
    assert invariants.standing(real).champion == champion


def test_an_image_that_is_nowhere_fails_the_task_with_its_name(real: RealPlatform) -> None:
    run = real.start("faults_image", "2013-03-08", "image")
    assert run.end() == "failed"
    said = run.said("validate", "could not start (")
    assert "could not start (" in said
    assert "nightshift-steps:absent" in said


def test_a_pod_that_no_node_takes_is_given_up_with_the_reason(real: RealPlatform) -> None:
    with cordoned(real.core):
        run = real.start("faults_node", "2013-03-08", "no_node")
        assert run.end() == "failed"
    tells(run, "validate", "no node could take the pod (Unschedulable)")


def test_a_pod_evicted_from_its_node_is_made_again(real: RealPlatform) -> None:
    with training(real, "2013-03-09", "evicted") as (run, pod), tainted(real.core, pod.spec.node_name):
        until("its eviction", lambda: pod.metadata.name not in names(real), 180)
    assert run.end() == "success"
    assert run.task("train")["try_number"] >= 2
    assert trained(real, "2013-03-09") == 1
    tells(run, "train", "was deleted")


def test_a_task_marked_failed_ends_its_pod_and_nothing_is_committed_afterwards(real: RealPlatform) -> None:
    with training(real, "2013-03-10", "marked") as (run, pod):
        run.mark("train", "failed")
        until("the end of its pod", lambda: pod.metadata.name not in names(real), 180)
    assert run.end() == "failed"
    assert run.task("train")["try_number"] == 1
    assert trained(real, "2013-03-10") == 0
    assert "shouldn't be running anymore" in run.said("train", "Task killed!")
    # Airflow gives a task five seconds to say so itself.
    assert "the task was killed" in run.said("train") or "escalating" in real.logged("scheduler")


def test_a_running_task_that_is_cleared_ends_its_pod_and_runs_again(real: RealPlatform) -> None:
    with training(real, "2013-03-11", "cleared") as (run, pod):
        run.clear("train")
        until("the end of its pod", lambda: pod.metadata.name not in names(real), 180)
    assert run.end() == "success"
    assert run.task("train")["try_number"] == 2
    assert trained(real, "2013-03-11") == 1


@pytest.mark.skipif("NIGHTSHIFT_TEST_API_RESTART" not in os.environ, reason="names the command that restarts the API")
def test_a_restart_of_the_kubernetes_api_is_outlived(real: RealPlatform) -> None:
    with real.held("mlflow"):
        run = real.start("faults_night", "2013-03-12", "api_restart")
        real.running_pod("train", saying="training:")
        subprocess.run(os.environ["NIGHTSHIFT_TEST_API_RESTART"], shell=True, check=True, timeout=180)  # noqa: S602
    assert run.end() == "success"
    assert trained(real, "2013-03-12") == 1
    assert published(real, "2013-03-13")


def test_a_killed_triggerer_loses_no_pod(real: RealPlatform) -> None:
    with training(real, "2013-03-14", "no_triggerer", "faults_deferred") as (run, pod):
        until("its deferral", lambda: run.task("train")["state"] == "deferred", 60)
        since = time.time()
        real.kill("triggerer")
        # A step gives MLflow a minute, and begins a second try then: a slow return is not waited for here.
        with suppress(AssertionError):
            until("its return", lambda: is_healthy(real.platform.airflow, "triggerer", since), 30)
        assert pod.metadata.name in names(real)
    until("its return", lambda: is_healthy(real.platform.airflow, "triggerer", since), 120)
    assert run.end() == "success"
    assert run.task("train")["try_number"] == 1
    assert trained(real, "2013-03-14") == 1


def tells(run: TaskRun, task: str, text: str) -> None:
    """Fails unless a text is, or soon is, in the log of a task."""
    assert text in run.said(task, text)


def names(real: RealPlatform) -> list[str]:
    """The pods that are there."""
    return [pod.metadata.name for pod in real.pods()]


def phase(real: RealPlatform, name: str) -> str:
    """How far a pod is; "" when it is gone."""
    return next((pod.status.phase for pod in real.pods() if pod.metadata.name == name), "")


def published(real: RealPlatform, day: str) -> bool:
    """Whether a day's predictions are there for readers."""
    return f"{invariants.SCORES}flights/date={day}/{invariants.MANIFEST}" in invariants.standing(real).manifests


def kill_workers(real: RealPlatform) -> None:
    """Kills the processes of the one task that runs: those that supervise it and those that run its code."""
    supervising, tasks = real.workers()
    assert len(tasks) == 1
    send_each((*supervising, *tasks))


@contextmanager
def cordoned(core: client.CoreV1Api) -> Iterator[None]:
    """No node takes a new pod for the length of a block."""
    open_before = [node.metadata.name for node in core.list_node().items if not node.spec.unschedulable]
    try:
        for name in open_before:
            core.patch_node(name, {"spec": {"unschedulable": True}})
        yield
    finally:
        for name in open_before:
            core.patch_node(name, {"spec": {"unschedulable": None}})


@contextmanager
def tainted(core: client.CoreV1Api, node: str) -> Iterator[None]:
    """A node's condition ends its pods for the length of a block."""
    before = core.read_node(node).spec.taints or []
    try:
        core.patch_node(node, {"spec": {"taints": [*before, {"key": TAINT, "effect": "NoExecute"}]}})
        yield
    finally:
        core.patch_node(node, {"spec": {"taints": before or None}})
