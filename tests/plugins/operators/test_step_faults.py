"""Steps while Kubernetes has faults: what they survive, what they report, and that no second pod is made."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from kubernetes.client import ApiException

from support.embedded import Airflow, Ran, Run
from support.faulty_kubernetes_api import Burst, FaultyApi, match_creates_of, run_faulty_api
from support.pod_faults import Fault, inject_faults
from support.step_cluster import StepCluster

pytestmark = pytest.mark.timeout(1200)
NIGHT = Run({"night": "2013-02-09"})
TIMEOUT = 12  # seconds; five minutes outside of tests
TAKEN_AWAY = r"the pod (was deleted (while it (ran|ended)|before it ran)|was stopped \(Evict|vanished)"
EVERY_LINE = [str(number) for number in range(1, 21)]


@dataclass(frozen=True)
class FaultyRun:
    """The outcome of the DAG, and what went through the proxy."""

    ran: Ran
    proxy: FaultyApi
    happened: list[str]

    def lines(self, task: str) -> list[str]:
        """The numbers of the lines of a task's pods, in the order of Airflow's log."""
        return re.findall(rf"\b{task} line (\d+)\b", self.ran.log)

    def state(self, task: str) -> tuple[str, int]:
        """The task's state and its tries."""
        ended = self.ran.runs[0][task]
        return ended["state"], ended["tries"]


def evict(cluster: StepCluster, name: str) -> None:
    """Evicts a pod as draining a node does; the embedded cluster has no evictions, so there it is deleted."""
    api = cluster.build_api()
    if not cluster.is_real:
        api.delete_namespaced_pod(name, cluster.namespace)
        return
    body = {"metadata": {"name": name, "namespace": cluster.namespace}}
    version = {"apiVersion": "policy/v1", "kind": "Eviction"}
    try:
        api.create_namespaced_pod_eviction(name, cluster.namespace, {**version, **body})
    except ApiException as error:  # before Kubernetes 1.22
        if error.status not in (400, 404, 415):
            raise
        api.create_namespaced_pod_eviction(name, cluster.namespace, {**version, "apiVersion": "policy/v1beta1", **body})


class Faults:
    """What happens to each task, by its name."""

    def __init__(self, cluster: StepCluster, proxy: FaultyApi) -> None:
        self.cluster, self.proxy, self.api = cluster, proxy, cluster.build_api()

    def log_cut(self, _name: str) -> None:
        self.proxy.cut_streams()

    def outage(self, _name: str) -> None:
        """Longer than the pod: it ends while nobody can see it."""
        self.proxy.close_for(6)

    def gone_while_away(self, name: str) -> None:
        self.proxy.close_for(5)
        self.api.delete_namespaced_pod(name, self.cluster.namespace, grace_period_seconds=0)

    def too_long(self, _name: str) -> None:
        self.proxy.close_for(TIMEOUT + 4)

    def deleted(self, name: str) -> None:
        evict(self.cluster, name)

    def expired(self, _name: str) -> None:
        self.proxy.expire()
        self.proxy.cut_streams()
        time.sleep(3)
        self.proxy.renew()

    def select(self, *tasks: str) -> dict[str, Fault]:
        """What happens to each of some tasks."""
        return {task: getattr(self, task) for task in tasks}


def through(proxy: FaultyApi, cluster: StepCluster) -> dict[str, Any]:
    """The environment of an Airflow that reaches the cluster through the proxy."""
    timeout = {"NIGHTSHIFT_KUBERNETES_RETRY_SECONDS": str(TIMEOUT)}
    return {**cluster.environment, **timeout, "KUBECONFIG": str(proxy.kubeconfig)}


@pytest.fixture(scope="module")
def faulty_run(airflow: Airflow, cluster: StepCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyRun]:
    with run_faulty_api(cluster.kubeconfig, tmp_path_factory.mktemp("proxy")) as proxy:
        proxy.bursts += [
            Burst(429, 2, match_creates_of("busy"), {"Retry-After": "1"}),
            Burst(503, 2, match_creates_of("busy")),
        ]
        proxy.after_creating = {"reply_lost": lambda: None, "outage_at_start": lambda: proxy.close_for(5)}
        faults = Faults(cluster, proxy)
        chosen = faults.select("log_cut", "outage", "gone_while_away", "too_long", "deleted", "expired")
        with inject_faults(cluster.build_api(), cluster.namespace, chosen) as injector:
            ran = airflow.run("faults", NIGHT, **through(proxy, cluster))
        yield FaultyRun(ran, proxy, injector.happened)


def test_everything_happened_that_should(faulty_run: FaultyRun) -> None:
    assert set(faulty_run.happened) == {"log_cut", "outage", "gone_while_away", "too_long", "deleted", "expired"}
    assert [burst.left for burst in faulty_run.proxy.bursts] == [0, 0]
    assert faulty_run.proxy.after_creating == {}


@pytest.mark.parametrize("task", ["log_cut", "outage", "outage_at_start", "busy", "reply_lost", "expired"])
def test_it_is_survived_in_one_try_with_one_pod_and_every_line_once(faulty_run: FaultyRun, task: str) -> None:
    assert faulty_run.state(task) == ("success", 1)
    assert faulty_run.proxy.made.count(task) == 1
    assert faulty_run.lines(task) == EVERY_LINE


@pytest.mark.parametrize("task", ["gone_while_away", "deleted"])
def test_it_costs_a_try_and_the_next_one_succeeds(faulty_run: FaultyRun, task: str) -> None:
    assert faulty_run.state(task) == ("success", 2)
    assert faulty_run.proxy.made.count(task) == 2
    assert faulty_run.lines(task)[-20:] == EVERY_LINE


def test_a_pod_that_succeeded_while_the_api_was_away_is_found_and_not_repeated(faulty_run: FaultyRun) -> None:
    assert faulty_run.state("too_long") == ("success", 2)
    assert faulty_run.proxy.made.count("too_long") == 1
    assert faulty_run.lines("too_long")[-20:] == EVERY_LINE


def test_lost_pods_are_counted_apart_from_real_failures(faulty_run: FaultyRun) -> None:
    assert "no real failure; infrastructure lost once" in faulty_run.ran.log


def test_each_failure_is_one_sentence_that_names_the_cause(faulty_run: FaultyRun) -> None:
    assert len(faulty_run.ran.errors) == 3, faulty_run.ran.errors
    vanished, unreachable, deleted = faulty_run.ran.errors
    assert vanished.startswith("the pod vanished: it was deleted, or its node was lost")
    assert re.match(
        r"the Kubernetes API does not answer: .*Connection refused, for 1\d s\. The next try finds", unreachable
    )
    assert re.match(TAKEN_AWAY, deleted)


def test_an_outage_is_one_line_at_its_start_and_one_at_its_end(faulty_run: FaultyRun) -> None:
    assert re.search(r"Kubernetes does not answer \(.*Connection refused\): waiting for up to 12 s", faulty_run.ran.log)
    assert re.search(r"Kubernetes answers again, after \d+ s", faulty_run.ran.log)


@pytest.fixture(scope="module")
def deferred(airflow: Airflow, cluster: StepCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyRun]:
    """Deferred tasks, whose trigger gives up within the outage: the task must wake, wait, and be deferred again."""
    with run_faulty_api(cluster.kubeconfig, tmp_path_factory.mktemp("proxy")) as proxy:
        chosen = Faults(cluster, proxy).select("outage", "deleted")
        with inject_faults(cluster.build_api(), cluster.namespace, chosen) as injector:
            more = {**through(proxy, cluster), "AIRFLOW__WORKERS__API_RETRIES": "1"}
            ran = airflow.run("faults_deferred", NIGHT, **more)
        yield FaultyRun(ran, proxy, injector.happened)


def test_a_deferred_step_survives_an_outage(deferred: FaultyRun) -> None:
    assert "outage" in deferred.happened
    assert "Re-deferring to continue monitoring" in deferred.ran.log or "Kubernetes answers again" in deferred.ran.log
    assert deferred.state("outage") == ("success", 1)
    assert deferred.proxy.made.count("outage") == 1
    assert deferred.lines("outage") == EVERY_LINE


def test_a_deferred_step_whose_pod_is_deleted_is_tried_again_and_says_so(deferred: FaultyRun) -> None:
    assert "deleted" in deferred.happened
    assert deferred.state("deleted") == ("success", 2)
    assert len(deferred.ran.errors) == 1
    assert re.match(TAKEN_AWAY, deferred.ran.errors[0])


@pytest.mark.parametrize("which", ["faulty_run", "deferred"])
def test_no_pod_is_left(which: str, cluster: StepCluster, request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue(which).happened
    assert cluster.wait_until_empty()
