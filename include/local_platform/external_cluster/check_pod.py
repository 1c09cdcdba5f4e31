"""One short pod as a step's would be: whether it starts, finds its settings, and reaches S3 and MLflow."""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kubernetes import client
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from local_platform.services.embedded_cluster import CONFIGURATION, NAMESPACE

PATIENCE = 300.0
"""Seconds for a node to take the pod, to pull the image and to run it."""
TIMEOUT = 20
"""Seconds for one call."""
STUCK = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}
"""Why a container waits and will not start by itself."""
MARK = "NIGHTSHIFT_REACHED"
# Uses the storage with the credentials it was given and calls MLflow: what every step does first.
PROGRAM = f"""\
import urllib.request
from nightshift.adapters.storage import ObjectStore
from nightshift.settings import RegistrySettings, RunSettings, StorageSettings, read
settings, tracking = read(StorageSettings), read(RegistrySettings).tracking_uri
ObjectStore(settings, patience=10).get("s3://" + settings.bucket + "/ledger/none")
urllib.request.urlopen(tracking + "/health", timeout=10).close()
print("{MARK}", settings.endpoint, tracking, read(RunSettings).code_version)
"""


class Failed(Exception):
    """The pod did not do it. The message says why, without a full stop."""


@dataclass(frozen=True)
class Reached:
    """What the pod saw: the URLs it was given, and the version of the code in its image."""

    endpoint: str
    tracking: str
    code_version: str


def pod(image: str) -> dict[str, Any]:
    """The pod: under the steps' account, with their settings, in the profile `restricted`."""
    return {
        "metadata": {
            "generateName": "nightshift-check-",
            # The network policies let pods of this name reach S3 and MLflow.
            "labels": {"app.kubernetes.io/name": "nightshift-step", "app.kubernetes.io/part-of": "nightshift"},
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": int(PATIENCE),
            "serviceAccountName": "nightshift-steps",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
            "containers": [_container(image)],
        },
    }


def _container(image: str) -> dict[str, Any]:
    return {
        "name": "check",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", PROGRAM],
        "envFrom": [{"configMapRef": {"name": CONFIGURATION}}, {"secretRef": {"name": CONFIGURATION}}],
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108  # in the pod, not here
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        },
    }


def run(api: client.CoreV1Api, image: str) -> Reached:
    """Runs the pod, deletes it, returns what it saw. Raises `Failed`, and `ApiException` for a call refused."""
    name = api.create_namespaced_pod(NAMESPACE, pod(image), _request_timeout=TIMEOUT).metadata.name
    try:
        phase = _wait(api, name)
        lines = _log(api, name).strip().splitlines() or ["it said nothing"]
    finally:
        with suppress(ApiException, HTTPError):
            api.delete_namespaced_pod(name, NAMESPACE, grace_period_seconds=0, _request_timeout=TIMEOUT)
    if phase != "Succeeded" or not lines[-1].startswith(MARK):
        raise Failed(lines[-1].strip().rstrip("."))
    return Reached(*lines[-1].split()[1:])


def _wait(api: client.CoreV1Api, name: str) -> str:
    """The phase in which the pod ended."""
    deadline = time.monotonic() + PATIENCE
    while (found := api.read_namespaced_pod(name, NAMESPACE, _request_timeout=TIMEOUT)).status.phase not in (
        "Succeeded",
        "Failed",
    ):
        reason, message = _waits_for(found)
        if reason in STUCK or time.monotonic() > deadline:
            raise Failed(f"{reason}: {message}".strip().rstrip("."))
        time.sleep(0.3)
    return str(found.status.phase)


def _waits_for(found: client.V1Pod) -> tuple[str, str]:
    """Why the pod does not run: its container's reason, or why no node takes it."""
    for status in found.status.container_statuses or []:
        if status.state.waiting:
            return str(status.state.waiting.reason), status.state.waiting.message or ""
    for condition in found.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return str(condition.reason), condition.message or ""
    return str(found.status.phase), f"the pod did not end within {PATIENCE:.0f} s"


def _log(api: client.CoreV1Api, name: str) -> str:
    # The client's own decoding gives `b'…'` as text (release 36), so the bytes are read here.
    reply = api.read_namespaced_pod_log(name, NAMESPACE, _preload_content=False, _request_timeout=TIMEOUT)
    return str(reply.data.decode(errors="replace"))
