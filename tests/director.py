"""Something that happens to a task's pod once it is at work: a thread that watches a cluster and acts."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kubernetes.client import ApiException, CoreV1Api
from urllib3.exceptions import HTTPError

Act = Callable[[str], None]
"""What happens; it is handed the name of the pod."""


@dataclass
class Director:
    """`acts` by task: each happens once, to the first pod of the task that has written its tenth line."""

    api: CoreV1Api
    namespace: str
    acts: dict[str, Act]
    happened: list[str] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Acts until it is told that all is over."""
        while not self.over.wait(0.2):
            for pod in self._pods():
                task = pod.metadata.labels.get("task_id", "")
                if task in self.acts and pod.status.phase == "Running" and self._works(pod.metadata.name):
                    self._act(task, pod.metadata.name)

    def _pods(self) -> list[Any]:
        try:
            return list(self.api.list_namespaced_pod(self.namespace).items)
        except (ApiException, HTTPError):  # a busy API is asked again
            return []

    def _works(self, name: str) -> bool:
        try:
            return "line 10" in str(self.api.read_namespaced_pod_log(name, self.namespace))
        except (ApiException, HTTPError):
            return False

    def _act(self, task: str, name: str) -> None:
        try:
            self.acts.pop(task)(name)
            self.happened.append(task)
        except Exception as failure:  # reported by the test, which is another thread
            self.failures.append(failure)


@contextmanager
def directing(api: CoreV1Api, namespace: str, acts: dict[str, Act]) -> Iterator[Director]:
    """A director at work for the length of a `with` block; raises what went wrong with an act."""
    director = Director(api, namespace, dict(acts))
    thread = threading.Thread(target=director.watch, daemon=True)
    thread.start()
    try:
        yield director
    finally:
        director.over.set()
        thread.join(30)
    assert director.failures == []
