"""Steps while Kubernetes has a bad day: what they survive, what they say, and that one pod is made where one is due."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from kubernetes.client import ApiException

from director import Act, directing
from embedded import Airflow, Ran, Run
from faulty_api import Burst, Door, creates_of, faulty_door
from step_cluster import StepCluster

pytestmark = pytest.mark.timeout(1200)
NIGHT = Run({"night": "2013-02-09"})
PATIENCE = 12  # seconds; five minutes outside of tests
TAKEN_AWAY = r"the pod (was deleted (while it (ran|ended)|before it ran)|was stopped \(Evict|vanished)"
EVERY_LINE = [str(number) for number in range(1, 21)]


@dataclass(frozen=True)
class Day:
    """What came of the DAG, and what went through the door."""

    ran: Ran
    door: Door
    happened: list[str]

    def lines(self, task: str) -> list[str]:
        """The numbers of the lines of a task's pods, in the order of Airflow's log."""
        return re.findall(rf"\b{task} line (\d+)\b", self.ran.log)

    def state(self, task: str) -> tuple[str, int]:
        """The task's state and its tries."""
        found = self.ran.runs[0][task]
        return found["state"], found["tries"]


def evict(cluster: StepCluster, name: str) -> None:
    """Evicts a pod as draining a node does; the embedded cluster has no evictions, so there it is deleted."""
    api = cluster.api()
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

    def __init__(self, cluster: StepCluster, door: Door) -> None:
        self.cluster, self.door, self.api = cluster, door, cluster.api()

    def log_cut(self, _name: str) -> None:
        self.door.cut_streams()

    def outage(self, _name: str) -> None:
        """Longer than the pod: it ends while nobody can see it."""
        self.door.close_for(6)

    def gone_while_away(self, name: str) -> None:
        self.door.close_for(5)
        self.api.delete_namespaced_pod(name, self.cluster.namespace, grace_period_seconds=0)

    def too_long(self, _name: str) -> None:
        self.door.close_for(PATIENCE + 4)

    def deleted(self, name: str) -> None:
        evict(self.cluster, name)

    def expired(self, _name: str) -> None:
        self.door.expire()
        self.door.cut_streams()
        time.sleep(3)
        self.door.renew()

    def acts(self, *tasks: str) -> dict[str, Act]:
        """What happens to each of some tasks."""
        return {task: getattr(self, task) for task in tasks}


def through(door: Door, cluster: StepCluster) -> dict[str, Any]:
    """The environment of an Airflow that reaches the cluster through the door."""
    patience = {"NIGHTSHIFT_KUBERNETES_PATIENCE": str(PATIENCE)}
    return {**cluster.environment, **patience, "KUBECONFIG": str(door.kubeconfig)}


@pytest.fixture(scope="module")
def day(airflow: Airflow, cluster: StepCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    with faulty_door(cluster.kubeconfig, tmp_path_factory.mktemp("door")) as door:
        door.bursts += [
            Burst(429, 2, creates_of("busy"), {"Retry-After": "1"}),
            Burst(503, 2, creates_of("busy")),
        ]
        door.after_creating = {"reply_lost": lambda: None, "outage_at_start": lambda: door.close_for(5)}
        faults = Faults(cluster, door)
        acts = faults.acts("log_cut", "outage", "gone_while_away", "too_long", "deleted", "expired")
        with directing(cluster.api(), cluster.namespace, acts) as director:
            ran = airflow.run("faults", NIGHT, **through(door, cluster))
        yield Day(ran, door, director.happened)


def test_everything_happened_that_should(day: Day) -> None:
    assert set(day.happened) == {"log_cut", "outage", "gone_while_away", "too_long", "deleted", "expired"}
    assert [burst.left for burst in day.door.bursts] == [0, 0]
    assert day.door.after_creating == {}


@pytest.mark.parametrize("task", ["log_cut", "outage", "outage_at_start", "busy", "reply_lost", "expired"])
def test_it_is_survived_in_one_try_with_one_pod_and_every_line_once(day: Day, task: str) -> None:
    assert day.state(task) == ("success", 1)
    assert day.door.made.count(task) == 1
    assert day.lines(task) == EVERY_LINE


@pytest.mark.parametrize("task", ["gone_while_away", "deleted"])
def test_it_costs_a_try_and_the_next_one_succeeds(day: Day, task: str) -> None:
    assert day.state(task) == ("success", 2)
    assert day.door.made.count(task) == 2
    assert day.lines(task)[-20:] == EVERY_LINE


def test_a_pod_that_succeeded_while_the_api_was_away_is_found_and_not_repeated(day: Day) -> None:
    assert day.state("too_long") == ("success", 2)
    assert day.door.made.count("too_long") == 1
    assert day.lines("too_long")[-20:] == EVERY_LINE


def test_lost_pods_are_counted_apart_from_real_failures(day: Day) -> None:
    assert "no real failure; infrastructure lost once" in day.ran.log


def test_each_failure_is_one_sentence_that_names_the_cause(day: Day) -> None:
    assert len(day.ran.errors) == 3, day.ran.errors
    vanished, away, deleted = day.ran.errors
    assert vanished.startswith("the pod vanished: it was deleted, or its node was lost")
    assert re.match(r"the Kubernetes API does not answer: .*Connection refused, for 1\d s\. The next try finds", away)
    assert re.match(TAKEN_AWAY, deleted)


def test_an_outage_is_one_line_at_its_start_and_one_at_its_end(day: Day) -> None:
    assert re.search(r"Kubernetes does not answer \(.*Connection refused\): waiting for up to 12 s", day.ran.log)
    assert re.search(r"Kubernetes answers again, after \d+ s", day.ran.log)


@pytest.fixture(scope="module")
def deferred(airflow: Airflow, cluster: StepCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Deferred tasks, whose trigger gives up within the outage: the task must wake, wait, and be deferred again."""
    with faulty_door(cluster.kubeconfig, tmp_path_factory.mktemp("door")) as door:
        acts = Faults(cluster, door).acts("outage", "deleted")
        with directing(cluster.api(), cluster.namespace, acts) as director:
            more = {**through(door, cluster), "AIRFLOW__WORKERS__API_RETRIES": "1"}
            ran = airflow.run("faults_deferred", NIGHT, **more)
        yield Day(ran, door, director.happened)


def test_a_deferred_step_survives_an_outage(deferred: Day) -> None:
    assert "outage" in deferred.happened
    assert "Re-deferring to continue monitoring" in deferred.ran.log or "Kubernetes answers again" in deferred.ran.log
    assert deferred.state("outage") == ("success", 1)
    assert deferred.door.made.count("outage") == 1
    assert deferred.lines("outage") == EVERY_LINE


def test_a_deferred_step_whose_pod_is_deleted_is_tried_again_and_says_so(deferred: Day) -> None:
    assert "deleted" in deferred.happened
    assert deferred.state("deleted") == ("success", 2)
    assert len(deferred.ran.errors) == 1
    assert re.match(TAKEN_AWAY, deferred.ran.errors[0])


@pytest.mark.parametrize("which", ["day", "deferred"])
def test_no_pod_is_left(which: str, cluster: StepCluster, request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue(which).happened
    assert cluster.empty()
