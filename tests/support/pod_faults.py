"""Faults that hit the pod of a task once it is at work: a thread that watches a cluster and injects them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kubernetes.client import ApiException, CoreV1Api
from urllib3.exceptions import HTTPError

Fault = Callable[[str], None]
"""What is done to a pod; it gets the name of the pod."""


@dataclass
class FaultInjector:
    """`faults` by task: each is injected once, to the first pod of the task that has written its tenth line."""

    api: CoreV1Api
    namespace: str
    faults: dict[str, Fault]
    happened: list[str] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Injects faults until `over` is set."""
        while not self.over.wait(0.2):
            for pod in self._list_pods():
                task = pod.metadata.labels.get("task_id", "")
                if task in self.faults and pod.status.phase == "Running" and self._is_at_work(pod.metadata.name):
                    self._inject(task, pod.metadata.name)

    def _list_pods(self) -> list[Any]:
        try:
            return list(self.api.list_namespaced_pod(self.namespace).items)
        except (ApiException, HTTPError):  # a busy API is asked again
            return []

    def _is_at_work(self, name: str) -> bool:
        try:
            return "line 10" in str(self.api.read_namespaced_pod_log(name, self.namespace))
        except (ApiException, HTTPError):
            return False

    def _inject(self, task: str, name: str) -> None:
        try:
            self.faults.pop(task)(name)
            self.happened.append(task)
        except Exception as failure:  # reported by the test, which is another thread
            self.failures.append(failure)


@contextmanager
def inject_faults(api: CoreV1Api, namespace: str, faults: dict[str, Fault]) -> Iterator[FaultInjector]:
    """Yields a fault injector at work for the length of a `with` block; raises the failures of faults."""
    injector = FaultInjector(api, namespace, dict(faults))
    thread = threading.Thread(target=injector.watch, daemon=True)
    thread.start()
    try:
        yield injector
    finally:
        injector.over.set()
        thread.join(30)
    assert injector.failures == []
