"""Pods as the contract's tests make them, watch them and read them, on any cluster."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from kubernetes import client
from kubernetes.client.exceptions import ApiException

Object = dict[str, Any]
T = TypeVar("T")
FINISHED = ("Succeeded", "Failed")
TIMEOUT = 120.0  # seconds; a busy real cluster takes some for a pod


def wait_until(description: str, look: Callable[[], T | None], timeout: float = TIMEOUT) -> T:
    """What `look` finds; fails when it finds nothing for `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        actual = look()
        if actual:
            return actual
        assert time.monotonic() < end, f"waited {timeout:.0f} s for: {description}"
        time.sleep(0.05)


@dataclass(frozen=True)
class PodClient:
    """One namespace of one cluster."""

    api: client.CoreV1Api
    namespace: str
    image: str

    def build_container(self, *command: str, name: str = "main", **fields: Any) -> Object:
        return {
            "name": name,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": list(command),
            **fields,
        }

    def build_shell_container(self, script: str, name: str = "main", **fields: Any) -> Object:
        return self.build_container("sh", "-c", script, name=name, **fields)

    def build_pod(self, *containers: Object, labels: dict[str, str] | None = None, **spec: Any) -> Object:
        metadata = {"generateName": "pod-", "labels": labels or {}}
        body = {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": list(containers), **spec}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": body}

    def create(self, body: Object) -> str:
        """Creates a pod; returns its name."""
        return str(self.api.create_namespaced_pod(self.namespace, body).metadata.name)

    def read(self, name: str) -> client.V1Pod:
        return self.api.read_namespaced_pod(name, self.namespace)

    def find(self, name: str) -> client.V1Pod | None:
        try:
            return self.read(name)
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def wait_for(
        self, name: str, description: str, holds: Callable[[client.V1Pod], Any], timeout: float = TIMEOUT
    ) -> client.V1Pod:
        """The pod as soon as something holds for it."""

        def look() -> client.V1Pod | None:
            pod = self.read(name)
            return pod if holds(pod) else None

        return wait_until(f"pod {name}: {description}", look, timeout)

    def finish(self, name: str, timeout: float = TIMEOUT) -> client.V1Pod:
        """The pod once it has ended."""
        return self.wait_for(name, "its end", lambda pod: pod.status.phase in FINISHED, timeout)

    def run(self, body: Object) -> client.V1Pod:
        """A pod from its creation to its end."""
        return self.finish(self.create(body))

    def start_pod(self, body: Object) -> str:
        """The name of a new pod whose containers run."""
        name = self.create(body)
        self.wait_for(name, "running", lambda pod: pod.status.phase == "Running")
        return name

    def wait_for_log(self, name: str, text: str, **options: Any) -> str:
        """The log of a running pod as soon as it contains a text."""

        def look() -> str | None:
            actual = self.log(name, **options)
            return actual if text in actual else None

        return wait_until(f"pod {name} to say {text!r}", look)

    def log(self, name: str, **options: Any) -> str:
        """The client's own decoding gives `b'…'` as text (release 36), so the bytes are read here."""
        reply = self.api.read_namespaced_pod_log(name, self.namespace, _preload_content=False, **options)
        return str(reply.data.decode())

    def read_output(self, *containers: Object, **spec: Any) -> str:
        """What a pod that must succeed writes."""
        pod = self.run(self.build_pod(*containers, **spec))
        log = self.log(pod.metadata.name, container=containers[0]["name"])
        assert pod.status.phase == "Succeeded", f"{pod.status}\n{log}"
        return log

    def delete(self, name: str, **options: Any) -> client.V1Pod:
        return self.api.delete_namespaced_pod(name, self.namespace, **options)

    def wait_gone(self, name: str, timeout: float = TIMEOUT) -> None:
        wait_until(f"pod {name} to be gone", lambda: self.find(name) is None, timeout)

    def create_configmap(self, data: dict[str, str]) -> str:
        body = {"metadata": {"generateName": "config-"}, "data": data}
        return str(self.api.create_namespaced_config_map(self.namespace, body).metadata.name)

    def create_secret(self, data: dict[str, str]) -> str:
        body = {"metadata": {"generateName": "secret-"}, "stringData": data}
        return str(self.api.create_namespaced_secret(self.namespace, body).metadata.name)


def get_terminated_state(pod: client.V1Pod, index: int = 0) -> client.V1ContainerStateTerminated:
    """How a container of a finished pod ended."""
    ended = pod.status.container_statuses[index].state.terminated
    assert ended is not None, pod.status
    return ended
