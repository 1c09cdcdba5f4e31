"""Runs one short pod like a step's: it shows whether pods start, get their settings, and reach S3 and MLflow."""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kubernetes import client
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from local_platform.services.embedded_cluster import CONFIGURATION, NAMESPACE

POD_TIMEOUT = 300.0
"""Seconds within which a node must accept the pod, pull the image and run it."""
TIMEOUT = 20
"""Seconds for one call."""
STUCK = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}
"""Reasons of a waiting container that will not start by itself."""
MARK = "NIGHTSHIFT_REACHED"
# Uses the storage with its credentials and calls MLflow: what every step does first.
PROGRAM = f"""\
import urllib.request
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.settings import RegistrySettings, RunSettings, StorageSettings, read
settings, tracking = read(StorageSettings), read(RegistrySettings).tracking_uri
ObjectStore(settings, retry_seconds=10).get("s3://" + settings.bucket + "/ledger/none")
urllib.request.urlopen(tracking + "/health", timeout=10).close()
print("{MARK}", settings.endpoint, tracking, read(RunSettings).code_version)
"""


class CheckFailed(Exception):
    """The pod failed. The message gives the reason, without a full stop."""


@dataclass(frozen=True)
class Reached:
    """What the pod reported: the URLs in its settings, and the version of the code in its image."""

    endpoint: str
    tracking: str
    code_version: str


def build_pod(image: str) -> dict[str, Any]:
    """Returns the pod: with the steps' account and settings, in the profile `restricted`."""
    return {
        "metadata": {
            "generateName": "nightshift-check-",
            # The network policies allow pods of this name to reach S3 and MLflow.
            "labels": {"app.kubernetes.io/name": "nightshift-step", "app.kubernetes.io/part-of": "nightshift"},
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": int(POD_TIMEOUT),
            "serviceAccountName": "nightshift-steps",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
            "containers": [_build_container(image)],
        },
    }


def _build_container(image: str) -> dict[str, Any]:
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


def run_check_pod(api: client.CoreV1Api, image: str) -> Reached:
    """Runs the pod, deletes it and returns its report. Raises `CheckFailed`, and `ApiException` for a refused call."""
    name = api.create_namespaced_pod(NAMESPACE, build_pod(image), _request_timeout=TIMEOUT).metadata.name
    try:
        phase = _wait_for_end(api, name)
        lines = _read_log(api, name).strip().splitlines() or ["it printed nothing"]
    finally:
        with suppress(ApiException, HTTPError):
            api.delete_namespaced_pod(name, NAMESPACE, grace_period_seconds=0, _request_timeout=TIMEOUT)
    if phase != "Succeeded" or not lines[-1].startswith(MARK):
        raise CheckFailed(lines[-1].strip().rstrip("."))
    return Reached(*lines[-1].split()[1:])


def _wait_for_end(api: client.CoreV1Api, name: str) -> str:
    """Returns the phase in which the pod ended."""
    deadline = time.monotonic() + POD_TIMEOUT
    while (pod := api.read_namespaced_pod(name, NAMESPACE, _request_timeout=TIMEOUT)).status.phase not in (
        "Succeeded",
        "Failed",
    ):
        reason, message = _read_waiting_reason(pod)
        if reason in STUCK or time.monotonic() > deadline:
            raise CheckFailed(f"{reason}: {message}".strip().rstrip("."))
        time.sleep(0.3)
    return str(pod.status.phase)


def _read_waiting_reason(pod: client.V1Pod) -> tuple[str, str]:
    """Returns why the pod does not run: its container's reason, or why no node accepts it."""
    for status in pod.status.container_statuses or []:
        if status.state.waiting:
            return str(status.state.waiting.reason), status.state.waiting.message or ""
    for condition in pod.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return str(condition.reason), condition.message or ""
    return str(pod.status.phase), f"the pod did not end within {POD_TIMEOUT:.0f} s"


def _read_log(api: client.CoreV1Api, name: str) -> str:
    # The client's own decoding gives `b'…'` as text (release 36), so the bytes are read here.
    reply = api.read_namespaced_pod_log(name, NAMESPACE, _preload_content=False, _request_timeout=TIMEOUT)
    return str(reply.data.decode(errors="replace"))
