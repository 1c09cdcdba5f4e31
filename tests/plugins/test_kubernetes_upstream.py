"""What leans on private members of Airflow's provider for Kubernetes: each means what it meant, and is still needed.

A test that fails after an upgrade names what to do: the piece is needless, or what it leans on has changed.
"""

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger
from airflow.providers.cncf.kubernetes.utils.pod_manager import PodManager
from kubernetes.client import CoreV1Api
from kubernetes.client import models as k8s

from nightshift_airflow import kubernetes_upstream
from nightshift_airflow.kubernetes_upstream import UpstreamPodOperator, read_deadline
from support import airflow_environment  # noqa: F401  # before anything imports airflow

PROVIDER = "apache-airflow-providers-cncf-kubernetes"
BEING_DELETED = k8s.V1Pod(
    metadata=k8s.V1ObjectMeta(
        name="p", namespace="n", labels={"try_number": "1"}, deletion_timestamp=datetime(2026, 3, 9, tzinfo=UTC)
    )
)


def test_every_piece_was_checked_with_the_installed_provider() -> None:
    """After an upgrade: read each piece and its upstream issue, run these tests, then change `VERSION`."""
    assert version(PROVIDER) == kubernetes_upstream.VERSION


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        (KubernetesPodOperator._write_logs, ["self", "pod", "follow", "since_time"]),
        (KubernetesPodOperator._get_pod_from_task_state_store, ["self", "context"]),
        (KubernetesPodOperator._build_find_pod_label_selector, ["self", "context", "exclude_checked"]),
        (KubernetesPodOperator.get_or_create_pod, ["self", "pod_request_obj", "context"]),
        (KubernetesPodOperator.find_pod, ["self", "namespace", "context", "exclude_checked"]),
        (KubernetesPodOperator.process_pod_deletion, ["self", "pod", "reraise"]),
        (KubernetesPodOperator.cleanup, ["self", "pod", "remote_pod", "xcom_result", "context"]),
        (KubernetesPodOperator.trigger_reentry, ["self", "context", "event"]),
        (PodManager.run_pod_async, ["self", "pod", "kwargs"]),
        (
            PodManager.await_pod_start,
            ["self", "pod", "schedule_timeout", "startup_timeout", "check_interval"],
        ),
        (PodManager.container_is_running, ["self", "pod", "container_name"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_overridden_still_takes_the_same_arguments(method: Any, parameters: list[str]) -> None:
    assert list(inspect.signature(method).parameters) == parameters


def make_operator(kind: type[Any] = UpstreamPodOperator) -> Any:
    """An operator outside of any DAG."""
    return kind(task_id="train", name="train", namespace="n", image="i")


def test_the_provider_still_notes_that_a_task_was_killed() -> None:
    operator = make_operator()
    assert not operator.is_killed
    operator.on_kill()
    assert operator.is_killed


def test_a_task_that_is_marked_as_killed_is_not_cleaned_up() -> None:
    """The provider's `cleanup` would patch and delete the pod of any other task; this one has no client for that."""
    operator = make_operator()
    operator.mark_killed()
    operator.cleanup(BEING_DELETED, BEING_DELETED)


def test_the_selector_finds_the_pods_of_every_try() -> None:
    task_instance = SimpleNamespace(dag_id="d", task_id="t", map_index=-1, try_number=2)
    context = {"ti": task_instance, "run_id": "r", "dag": SimpleNamespace()}
    operator = make_operator()
    every = operator.make_label_selector(context, exclude_checked=False)
    assert {"dag_id=d", "task_id=t", "run_id=r"} <= set(every.split(","))
    assert "try_number" not in every
    assert "already_checked!=True" not in every
    assert "already_checked!=True" in operator.make_label_selector(context, exclude_checked=True)


def find_stored_pod(kind: type[Any], monkeypatch: pytest.MonkeyPatch) -> k8s.V1Pod | None:
    """The pod that an operator finds again if Airflow's store of task states names one that is being deleted."""
    operator = make_operator(kind)
    monkeypatch.setitem(operator.__dict__, "hook", SimpleNamespace(get_pod=lambda _name, _namespace: BEING_DELETED))
    store = SimpleNamespace(get=lambda _key: {"name": "p", "namespace": "n"})
    context = {"task_state_store": store, "ti": SimpleNamespace(try_number=1)}
    pod: k8s.V1Pod | None = operator._get_pod_from_task_state_store(context)
    return pod


def test_a_pod_that_is_being_deleted_is_not_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_stored_pod(UpstreamPodOperator, monkeypatch) is None


def test_the_provider_still_finds_a_pod_that_is_being_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, `UpstreamPodOperator._get_pod_from_task_state_store` is needless."""
    assert find_stored_pod(KubernetesPodOperator, monkeypatch) is BEING_DELETED


class Client:
    """A cluster with one log."""

    def read_namespaced_pod_log(self, **_options: Any) -> Iterator[bytes]:
        yield b"a line\n"


def test_the_provider_still_writes_the_log_of_a_deferred_pod_without_the_formatter() -> None:
    """If this fails, `UpstreamPodOperator._write_logs` is needless."""
    operator = make_operator(KubernetesPodOperator)
    operator.__dict__["client"] = Client()
    formatted: list[str] = []
    operator.log_formatter = lambda _container, line: formatted.append(line)
    operator._write_logs(BEING_DELETED)
    assert formatted == []


def test_the_log_of_a_deferred_pod_is_written_by_our_method() -> None:
    assert "self._write_logs(" in inspect.getsource(KubernetesPodOperator.trigger_reentry)
    with pytest.raises(NotImplementedError, match="UpstreamPodOperator does not say how it writes"):
        make_operator()._write_logs(BEING_DELETED)


def test_the_event_of_a_trigger_still_carries_the_deadline() -> None:
    assert read_deadline({"_execution_deadline": 1234}) == 1234
    assert read_deadline({}) == inf
    assert '["_execution_deadline"] = ' in inspect.getsource(KubernetesPodOperator.invoke_defer_method)
    assert "**self.trigger_kwargs" in inspect.getsource(KubernetesPodTrigger.run)


def test_the_client_still_documents_the_option_that_limits_a_request() -> None:
    assert f":param {kubernetes_upstream.REQUEST_TIMEOUT}" in (CoreV1Api.read_namespaced_pod.__doc__ or "")
