"""The pod of every task of every DAG against the published profile, and what the check itself would find."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from nightshift import catalog
from nightshift.definition import VERBS
from support.api_schema import list_mistakes
from support.manifests import DEPLOY
from support.restricted_profile import OURS, PROFILE, list_broken_controls

Object = dict[str, Any]


def pod_with(part: str, **fields: Any) -> Callable[[Object], None]:
    """Sets fields of `spec`, of the `container`, or of the `pod`'s or the `own` security context of the container."""

    def change(pod: Object) -> None:
        container = pod["spec"]["containers"][0]
        places = {
            "spec": pod["spec"],
            "container": container,
            "pod": pod["spec"]["securityContext"],
            "own": container["securityContext"],
            "metadata": pod["metadata"],
        }
        places[part].update(fields)

    return change


HOST_PATH = {"name": "host", "hostPath": {"path": "/"}}
NFS = {"name": "share", "nfs": {"server": "a", "path": "/"}}
TMP = {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}
BREAKS: list[tuple[str, Callable[[Object], None]]] = [
    ("HostProcess", pod_with("pod", windowsOptions={"hostProcess": True})),
    ("Host Namespaces", pod_with("spec", hostNetwork=True)),
    ("Host Namespaces", pod_with("spec", hostPID=True)),
    ("Host Namespaces", pod_with("spec", hostIPC=True)),
    ("Privileged Containers", pod_with("own", privileged=True)),
    ("Capabilities", pod_with("own", capabilities={"drop": ["NET_RAW"]})),
    ("Capabilities", pod_with("own", capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]})),
    ("HostPath Volumes", pod_with("spec", volumes=[TMP, HOST_PATH])),
    ("Host Ports", pod_with("container", ports=[{"containerPort": 80, "hostPort": 80}])),
    ("Host Probes / Lifecycle Hooks", pod_with("container", livenessProbe={"httpGet": {"host": "10.0.0.1"}})),
    ("Host Probes / Lifecycle Hooks", pod_with("container", lifecycle={"preStop": {"tcpSocket": {"host": "a"}}})),
    ("AppArmor", pod_with("own", appArmorProfile={"type": "Unconfined"})),
    ("AppArmor", pod_with("metadata", annotations={"container.apparmor.security.beta.kubernetes.io/base": "no"})),
    ("SELinux", pod_with("own", seLinuxOptions={"type": "spc_t"})),
    ("SELinux", pod_with("pod", seLinuxOptions={"user": "root"})),
    ("/proc Mount Type", pod_with("own", procMount="Unmasked")),
    ("Sysctls", pod_with("pod", sysctls=[{"name": "kernel.msgmax", "value": "1"}])),
    ("Volume Types", pod_with("spec", volumes=[TMP, NFS])),
    ("Privilege Escalation", pod_with("own", allowPrivilegeEscalation=None)),
    ("Running as Non-root", pod_with("own", runAsNonRoot=False)),
    ("Running as Non-root user", pod_with("pod", runAsUser=0)),
    ("Seccomp", pod_with("pod", seccompProfile=None)),
    ("Seccomp", pod_with("own", seccompProfile={"type": "Unconfined"})),
    ("read-only root", pod_with("own", readOnlyRootFilesystem=False)),
    ("only /tmp can be written, and it has a size", pod_with("container", volumeMounts=[{"mountPath": "/opt"}])),
    ("only /tmp can be written, and it has a size", pod_with("spec", volumes=[{"name": "tmp", "emptyDir": {}}])),
    ("requests and limits", pod_with("container", resources={"requests": {"cpu": "1"}})),
    ("a deadline", pod_with("spec", activeDeadlineSeconds=None)),
    ("the account without rights", pod_with("spec", serviceAccountName="nightshift-airflow")),
    ("no token", pod_with("spec", automountServiceAccountToken=None)),
    ("no addresses of services", pod_with("spec", enableServiceLinks=None)),
    ("no priority over others", pod_with("spec", priorityClassName="system-cluster-critical")),
    ("runs once", pod_with("spec", restartPolicy="Always")),
]
CONSEQUENCES = {"HostPath Volumes": {"Volume Types"}}
SCRATCH = "only /tmp can be written, and it has a size"


def test_there_is_a_pod_for_every_task(pods: dict[str, Object]) -> None:
    assert {f"{name}_nightly.{verb}" for name in catalog.list_names() for verb in VERBS} <= set(pods)


def test_every_pod_meets_every_control(pods: dict[str, Object]) -> None:
    assert {name: list_broken_controls(pod) for name, pod in pods.items()} == {name: set() for name in pods}


def test_every_pod_is_one_that_a_current_kubernetes_knows(pods: dict[str, Object]) -> None:
    assert {name: list_mistakes(pod) for name, pod in pods.items()} == {name: [] for name in pods}


def test_a_step_by_hand_is_confined_like_any_other(pods: dict[str, Object]) -> None:
    by_hand = yaml.safe_load((DEPLOY / "step-by-hand.yaml").read_text())
    assert (list_broken_controls(by_hand), list_mistakes(by_hand)) == (set(), [])
    usual = next(iter(pods.values()))
    assert by_hand["spec"]["containers"][0]["envFrom"] == usual["spec"]["containers"][0]["envFrom"]
    assert by_hand["metadata"]["labels"].items() <= usual["metadata"]["labels"].items()


@pytest.mark.parametrize(("control", "change"), BREAKS)
def test_a_pod_that_breaks_a_control_is_found(
    control: str, change: Callable[[Object], None], pods: dict[str, Object]
) -> None:
    pod = copy.deepcopy(next(iter(pods.values())))
    change(pod)
    violations = list_broken_controls(pod)
    assert control in violations
    # A volume of a wrong sort has no size either.
    assert violations <= {control, SCRATCH} | CONSEQUENCES.get(control, set())


def test_every_control_is_broken_once() -> None:
    assert {control for control, _ in BREAKS} == {*PROFILE, *OURS}


def test_a_second_container_is_looked_at_too(pods: dict[str, Object]) -> None:
    pod = copy.deepcopy(next(iter(pods.values())))
    pod["spec"]["initContainers"] = [{"name": "other", "image": "a:1"}]
    assert {"Capabilities", "Privilege Escalation", "read-only root", "requests and limits"} <= list_broken_controls(
        pod
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (pod_with("spec", dedlineSeconds=1), "dedlineSeconds"),
        (pod_with("own", readOnlyRootFilesystem="true"), "readOnlyRootFilesystem"),
        (pod_with("container", volumeMounts={"name": "tmp"}), "volumeMounts"),
    ],
)
def test_a_field_that_kubernetes_would_not_know_is_found(
    change: Callable[[Object], None], named: str, pods: dict[str, Object]
) -> None:
    pod = copy.deepcopy(next(iter(pods.values())))
    change(pod)
    assert any(named in line for line in list_mistakes(pod))
