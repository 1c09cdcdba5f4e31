"""Whether another cluster can run steps: asked before anything starts, and tried with one pod before Airflow starts.

The restricted account may read neither ConfigMaps nor accounts. So a pod that is never made says whether it would be
taken, and a short one of the steps' own image says whether it finds its settings and reaches this machine.
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
from local_platform.external_cluster.choice import External
from local_platform.one_machine.platform import Platform
from local_platform.services.embedded_cluster import CONFIGURATION, NAMESPACE


def check_rights(platform: Platform, external: External) -> None:
    """Raises `CannotStart` when the cluster does not answer, or would not take a pod of a step from Airflow."""
    with _explained(platform, external.kubeconfig) as api:
        api.create_namespaced_pod(
            NAMESPACE, check_pod.pod(external.image), dry_run="All", _request_timeout=check_pod.TIMEOUT
        )


def check_reach(platform: Platform, external: External) -> str:
    """Runs one pod that does what every step does first; returns the version of the code in its image.

    Raises `CannotStart` with what it lacks.
    """
    with _explained(platform, external.kubeconfig) as api:
        try:
            reached = check_pod.run(api, external.image)
        except check_pod.Failed as error:
            raise CannotStart(
                f"a step's pod cannot work on the cluster: {error}. If the ConfigMap or the Secret {CONFIGURATION} is "
                f"missing or of another start: {_apply(platform)}"
            ) from error
    if (reached.endpoint, reached.tracking) != (platform.storage_url, platform.tracking.url):
        raise CannotStart(f"the cluster's ConfigMap {CONFIGURATION} is of another start: {_apply(platform)}")
    return reached.code_version


@contextmanager
def _explained(platform: Platform, kubeconfig: Path) -> Iterator[client.CoreV1Api]:
    """The cluster's API; what it refuses becomes one sentence."""
    try:
        yield client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
    except ApiException as error:
        raise CannotStart(_refusal(platform, kubeconfig, error)) from error
    except (ConfigException, HTTPError) as error:
        raise CannotStart(f"the cluster of {kubeconfig} does not answer: {error}") from error


def _refusal(platform: Platform, kubeconfig: Path, error: ApiException) -> str:
    said = _message(error)
    if error.status == 401:
        return f"the cluster does not accept the token of {kubeconfig}: make a new one with `make kubeconfig`"
    if error.status == 404 or "service account" in said:
        return f"the cluster is not prepared ({said}): {_apply(platform)}"
    return (
        f"the cluster would not take a step's pod from the user of {kubeconfig} ({error.status} {said}): "
        f"{_apply(platform)}, and make the kubeconfig with `make kubeconfig`"
    )


def _apply(platform: Platform) -> str:
    return f"as the cluster's administrator run `kubectl apply -k {platform.home.manifests}`"


def _message(error: ApiException) -> str:
    with suppress(ValueError, TypeError, KeyError):
        return str(json.loads(error.body)["message"])
    return str(error.reason)
