"""The policy of pods: what the pod of every task may use, and what it may not do.

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
from nightshift.known_variables import DEFAULTS
from nightshift.variables import require_known

CONFIGURATION = "nightshift-steps"
ACCOUNT = "nightshift-steps"
SCHEDULING = timedelta(minutes=5)  # a cluster that adds a machine when it is full needs two to four
STARTING = timedelta(minutes=5)  # pulling the image onto a new machine
GRACE = timedelta(seconds=10)  # a step publishes with one request: it has nothing to finish
LAST_ATTEMPT = 20.0  # seconds: one that begins just before the time for retries is over
SCRATCH = "2Gi"  # the largest /tmp: a step stages what it publishes there
DISK = {"requests": "256Mi", "limits": "3Gi"}  # /tmp, and room for a log without end


def make_pod_arguments(resources: Resources, labels: Mapping[str, str]) -> dict[str, Any]:
    """Returns the arguments of `KubernetesPodOperator` that every task shares."""
    return {
        **_make_location(),
        **_make_confinement(),
        **_make_time_limits(resources),
        "labels": {"app.kubernetes.io/name": "nightshift-step", "app.kubernetes.io/part-of": "nightshift", **labels},
        # Only the embedded cluster reads it: it ends a pod whose log nobody follows any more.
        "annotations": {"local-cluster/unwatched-seconds": "180"},
        "container_resources": _make_quantities(resources),
        "env_vars": _make_environment(resources),
        "env_from": _make_configuration(),
        # Results are objects in storage: no XCom, so no sidecar, and Airflow needs no right to exec.
        "do_xcom_push": False,
        # The specification has the names of secrets and fills a page; the reason of a failure is one sentence.
        "log_pod_spec_on_failure": False,
    }


def compute_execution_timeout(resources: Resources) -> timedelta:
    """Returns how long a task may take at most. The pod's deadline comes first; this one ends the wait for it."""
    return resources.timeout + compute_waiting_time() + SCHEDULING + STARTING + timedelta(minutes=1)


def compute_waiting_time() -> timedelta:
    """Returns how long a step may wait for S3 and for MLflow, one after the other, by NIGHTSHIFT_RETRY_SECONDS.

    Airflow reads the variable of its own environment: give it the value that the steps have. Raises `BadConfig`.
    """
    text = _read_variable("NIGHTSHIFT_RETRY_SECONDS")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise BadConfig("NIGHTSHIFT_RETRY_SECONDS must be a number of seconds from 0 to 3600")
    return timedelta(seconds=2 * (seconds + LAST_ATTEMPT))


def _read_variable(name: str) -> str:
    return os.environ.get(name, DEFAULTS[name])


def _make_location() -> dict[str, Any]:
    require_known(os.environ)  # a misspelt NIGHTSHIFT_STEP_IMAGE would run another image
    kubeconfig = os.environ.get("KUBECONFIG") or None
    return {
        "image": _read_variable("NIGHTSHIFT_STEP_IMAGE"),
        "image_pull_policy": "IfNotPresent",  # images are pinned: one that is on the node is the right one
        "namespace": _read_variable("NIGHTSHIFT_NAMESPACE"),
        "config_file": kubeconfig,
        # Explicit, because the default would fall back on ~/.kube/config: whatever cluster a developer last used.
        "in_cluster": kubeconfig is None,
        # No connection of Airflow: one call less for each task, and one place less that decides the cluster.
        "kubernetes_conn_id": None,
        "service_account_name": ACCOUNT,  # without rights; what is granted to `default` does not reach it
        "random_name_suffix": True,  # a retry never needs the name of a pod that is still being deleted
        "termination_message_policy": "FallbackToLogsOnError",  # the pod's status then carries the step's last line
    }


def _make_time_limits(resources: Resources) -> dict[str, Any]:
    return {
        # The step's own time, and as long as S3 or MLflow may be away meanwhile.
        "active_deadline_seconds": int((resources.timeout + compute_waiting_time()).total_seconds()),
        "schedule_timeout_seconds": int(SCHEDULING.total_seconds()),
        "startup_timeout_seconds": int(STARTING.total_seconds()),
        "startup_check_interval_seconds": 1,  # the default of 5 s would be most of a short step
        "termination_grace_period": int(GRACE.total_seconds()),
        "on_finish_action": "delete_pod",  # never leaves a running pod; its log is in the task's log
        "on_kill_action": "delete_pod",
        "durable": True,  # after a worker died, the next one finds its pod again
    }


def _make_confinement() -> dict[str, Any]:
    """Returns the `restricted` profile of Kubernetes, and a file system where only /tmp can be written."""
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
        "automount_service_account_token": False,  # a step needs nothing of the Kubernetes API
        # Without the addresses of the namespace's services, which are no settings of a step. No argument sets this.
        "full_pod_spec": k8s.V1Pod(
            metadata=k8s.V1ObjectMeta(), spec=k8s.V1PodSpec(containers=[], enable_service_links=False)
        ),
        "volumes": [k8s.V1Volume(name="tmp", empty_dir=k8s.V1EmptyDirVolumeSource(size_limit=SCRATCH))],
        "volume_mounts": [k8s.V1VolumeMount(name="tmp", mount_path="/tmp")],  # noqa: S108  # in the pod, not here
    }


def _make_quantities(resources: Resources) -> k8s.V1ResourceRequirements:
    return k8s.V1ResourceRequirements(
        requests={"cpu": resources.cpu, "memory": resources.memory, "ephemeral-storage": DISK["requests"]},
        limits={"cpu": resources.cpu_limit, "memory": resources.memory_limit, "ephemeral-storage": DISK["limits"]},
    )


def _make_environment(resources: Resources) -> dict[str, str]:
    """Returns the pod's own environment. Threads follow the CPU limit: OpenMP would count the machine's cores."""
    limit = resources.cpu_limit
    cores = float(limit[:-1]) / 1000 if limit.endswith("m") else float(limit)
    return {"OMP_NUM_THREADS": str(ceil(cores)), "HOME": "/tmp", "MPLCONFIGDIR": "/tmp"}  # noqa: S108


def _make_configuration() -> list[k8s.V1EnvFromSource]:
    """Returns references to the configuration: values written into the pod would show in Airflow's pages."""
    return [
        k8s.V1EnvFromSource(config_map_ref=k8s.V1ConfigMapEnvSource(name=CONFIGURATION)),
        k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=CONFIGURATION)),
    ]
