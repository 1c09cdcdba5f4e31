"""The one place of pod policy: what every step's pod may use, and what it may not do.

A DAG file never names an image, a namespace, a volume or a security setting, and nothing here comes from a run's
configuration.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Any

from kubernetes.client import models as k8s

from nightshift.definition import Resources
from nightshift.errors import BadConfig
from nightshift.variables import require_known

CONFIGURATION = "nightshift-steps"
ACCOUNT = "nightshift-steps"
SCHEDULING = timedelta(minutes=5)  # a cluster that adds a machine when it is full needs two to four
STARTING = timedelta(minutes=5)  # pulling the image onto a new machine
GRACE = timedelta(seconds=10)  # a step publishes with one request: it has nothing to wind up
PATIENCE = 120.0  # seconds: the default of nightshift.settings.PatienceSettings, which would import pydantic here
LAST_ATTEMPT = 20.0  # seconds: one that begins just before patience is over
SCRATCH = "2Gi"  # the largest /tmp: a step stages what it publishes there
DISK = {"requests": "256Mi", "limits": "3Gi"}  # /tmp, and a log that has gone mad


def policy(resources: Resources, labels: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of `KubernetesPodOperator` that every step shares."""
    return {
        **_where(),
        **_confinement(),
        **_life(resources),
        "labels": {"app.kubernetes.io/name": "nightshift-step", "app.kubernetes.io/part-of": "nightshift", **labels},
        # Only the embedded cluster knows it: a pod whose log nobody follows any more is ended there.
        "annotations": {"local-cluster/unwatched-seconds": "180"},
        "container_resources": _quantities(resources),
        "env_vars": _environment(resources),
        "env_from": _configuration(),
        # Results are objects in storage: no XCom, so no sidecar, and Airflow needs no right to exec.
        "do_xcom_push": False,
        # The specification holds the names of secrets and a page of noise; the reason of a failure is one sentence.
        "log_pod_spec_on_failure": False,
    }


def longest(resources: Resources) -> timedelta:
    """How long a task may take at most: the pod's own deadline ends it first, and this one the wait for a pod."""
    return resources.timeout + waiting() + SCHEDULING + STARTING + timedelta(minutes=1)


def waiting() -> timedelta:
    """How long a step may wait for S3 and for MLflow, one after the other, as NIGHTSHIFT_PATIENCE_SECONDS says here.

    Airflow reads the variable of its own environment; give it the value that the steps have.
    """
    text = os.environ.get("NIGHTSHIFT_PATIENCE_SECONDS", str(PATIENCE))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise BadConfig("NIGHTSHIFT_PATIENCE_SECONDS must be a number of seconds from 0 to 3600")
    return timedelta(seconds=2 * (seconds + LAST_ATTEMPT))


def _where() -> dict[str, Any]:
    require_known(os.environ)  # a misspelt NIGHTSHIFT_STEP_IMAGE would run another image
    kubeconfig = os.environ.get("KUBECONFIG") or None
    return {
        "image": os.environ.get("NIGHTSHIFT_STEP_IMAGE", "nightshift-steps:local"),
        "image_pull_policy": "IfNotPresent",  # images are pinned: what is there is right
        "namespace": os.environ.get("NIGHTSHIFT_NAMESPACE", "nightshift"),
        "config_file": kubeconfig,
        # Explicit, because the default would fall back on ~/.kube/config: whatever cluster a developer last used.
        "in_cluster": kubeconfig is None,
        # No connection to look up: one call less for each task, and one place less that decides the cluster.
        "kubernetes_conn_id": None,
        "service_account_name": ACCOUNT,  # one without rights, so that nobody's grant to `default` reaches a step
        "random_name_suffix": True,  # a retry never meets the name of a pod that is still going away
        "termination_message_policy": "FallbackToLogsOnError",  # the pod's status then carries the step's last line
    }


def _life(resources: Resources) -> dict[str, Any]:
    return {
        # The step's own time, and as long as S3 or MLflow may be away meanwhile.
        "active_deadline_seconds": int((resources.timeout + waiting()).total_seconds()),
        "schedule_timeout_seconds": int(SCHEDULING.total_seconds()),
        "startup_timeout_seconds": int(STARTING.total_seconds()),
        "startup_check_interval_seconds": 1,  # the default of 5 s would be most of a short step
        "termination_grace_period": int(GRACE.total_seconds()),
        "on_finish_action": "delete_pod",  # never leaves a running pod; its log is in the task's log
        "on_kill_action": "delete_pod",
        "durable": True,  # a worker that died is followed by one that finds its pod again
    }


def _confinement() -> dict[str, Any]:
    """The `restricted` profile of Kubernetes, and a file system where only /tmp can be written."""
    return {
        "security_context": k8s.V1PodSecurityContext(
            run_as_non_root=True, seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault")
        ),
        "container_security_context": k8s.V1SecurityContext(
            allow_privilege_escalation=False,
            capabilities=k8s.V1Capabilities(drop=["ALL"]),
            privileged=False,
            read_only_root_filesystem=True,
            run_as_non_root=True,
        ),
        "automount_service_account_token": False,  # a step has no business with the Kubernetes API
        # The addresses of the namespace's services are none of a step's settings. The operator has no argument for it.
        "full_pod_spec": k8s.V1Pod(
            metadata=k8s.V1ObjectMeta(), spec=k8s.V1PodSpec(containers=[], enable_service_links=False)
        ),
        "volumes": [k8s.V1Volume(name="tmp", empty_dir=k8s.V1EmptyDirVolumeSource(size_limit=SCRATCH))],
        "volume_mounts": [k8s.V1VolumeMount(name="tmp", mount_path="/tmp")],  # noqa: S108  # in the pod, not here
    }


def _quantities(resources: Resources) -> k8s.V1ResourceRequirements:
    return k8s.V1ResourceRequirements(
        requests={"cpu": resources.cpu, "memory": resources.memory, "ephemeral-storage": DISK["requests"]},
        limits={"cpu": resources.cpu_limit, "memory": resources.memory_limit, "ephemeral-storage": DISK["limits"]},
    )


def _environment(resources: Resources) -> dict[str, str]:
    """Environment of the pod itself. Threads follow the CPU limit: OpenMP would count the machine's cores."""
    limit = resources.cpu_limit
    cores = float(limit[:-1]) / 1000 if limit.endswith("m") else float(limit)
    return {"OMP_NUM_THREADS": str(ceil(cores)), "HOME": "/tmp", "MPLCONFIGDIR": "/tmp"}  # noqa: S108


def _configuration() -> list[k8s.V1EnvFromSource]:
    """By reference: values written into the pod would show in Airflow's pages."""
    return [
        k8s.V1EnvFromSource(config_map_ref=k8s.V1ConfigMapEnvSource(name=CONFIGURATION)),
        k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=CONFIGURATION)),
    ]
