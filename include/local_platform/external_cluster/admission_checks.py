"""Checks that another cluster can run steps: its rights before anything starts, and one pod before Airflow starts.

The restricted account may read neither ConfigMaps nor service accounts. So a dry run shows whether the cluster accepts
a pod, and a short pod of the steps' image shows whether it gets its settings and reaches this machine.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kubernetes import client, config
from kubernetes.client import ApiException
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError

from local_platform.errors import CannotStart
from local_platform.external_cluster import check_pod
from local_platform.external_cluster.choice import ExternalCluster
from local_platform.services.embedded_cluster import CONFIGURATION, NAMESPACE


def check_rights(external: ExternalCluster, manifests: Path) -> None:
    """Raises `CannotStart` when the cluster does not answer, or would refuse a step's pod from Airflow.

    `manifests`: the folder that its administrator is to apply.
    """
    with _connect_or_explain(external.kubeconfig, manifests) as api:
        api.create_namespaced_pod(
            NAMESPACE, check_pod.build_pod(external.image), dry_run="All", _request_timeout=check_pod.TIMEOUT
        )


def check_reach(external: ExternalCluster, manifests: Path, storage_url: str, tracking_url: str) -> str:
    """Runs one pod that does what every step does first; returns the version of the code in its image.

    Raises `CannotStart` with what the pod lacks, also when its settings name other URLs than these.
    """
    with _connect_or_explain(external.kubeconfig, manifests) as api:
        try:
            reached = check_pod.run_check_pod(api, external.image)
        except check_pod.CheckFailed as error:
            raise CannotStart(
                f"a step's pod cannot work on the cluster: {error}. If the ConfigMap or the Secret {CONFIGURATION} is "
                f"missing or of another start: {_name_apply_command(manifests)}"
            ) from error
    if (reached.endpoint, reached.tracking) != (storage_url, tracking_url):
        raise CannotStart(
            f"the cluster's ConfigMap {CONFIGURATION} is of another start: {_name_apply_command(manifests)}"
        )
    return reached.code_version


@contextmanager
def _connect_or_explain(kubeconfig: Path, manifests: Path) -> Iterator[client.CoreV1Api]:
    """Yields the cluster's API; a refusal becomes a `CannotStart` with one sentence."""
    try:
        yield client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
    except ApiException as error:
        raise CannotStart(_describe_refusal(kubeconfig, manifests, error)) from error
    except (ConfigException, HTTPError) as error:
        raise CannotStart(f"the cluster of {kubeconfig} does not answer: {error}") from error


def _describe_refusal(kubeconfig: Path, manifests: Path, error: ApiException) -> str:
    reason = _read_message(error)
    if error.status == 401:
        return f"the cluster does not accept the token of {kubeconfig}: make a new one with `make kubeconfig`"
    if error.status == 404 or "service account" in reason:
        return f"the cluster is not prepared ({reason}): {_name_apply_command(manifests)}"
    return (
        f"the cluster would refuse a step's pod from the user of {kubeconfig} ({error.status} {reason}): "
        f"{_name_apply_command(manifests)}, and make the kubeconfig with `make kubeconfig`"
    )


def _name_apply_command(manifests: Path) -> str:
    return f"as the cluster's administrator run `kubectl apply -k {manifests}`"


def _read_message(error: ApiException) -> str:
    with suppress(ValueError, TypeError, KeyError):
        return str(json.loads(error.body)["message"])
    return str(error.reason)
