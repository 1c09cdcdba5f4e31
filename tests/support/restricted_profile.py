"""The `restricted` profile of the Pod Security Standards, control by control, and what Nightshift asks beyond it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/ names each control and the fields it restricts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
}
SELINUX = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


@dataclass(frozen=True)
class Pod:
    """A pod's specification, and the places where a control may be set."""

    whole: Object

    @property
    def spec(self) -> Object:
        """The specification."""
        spec: Object = self.whole["spec"]
        return spec

    @property
    def containers(self) -> list[Object]:
        """Every container of every sort."""
        sorts = ("initContainers", "containers", "ephemeralContainers")
        return [container for sort in sorts for container in self.spec.get(sort) or []]

    @property
    def own(self) -> Object:
        """The security context of the pod."""
        return self.spec.get("securityContext") or {}

    @property
    def contexts(self) -> list[Object]:
        """The security context of each container."""
        return [container.get("securityContext") or {} for container in self.containers]

    def list_everywhere(self, name: str) -> list[Any]:
        """The values of a field of the security contexts of the pod and of its containers; None where it is unset."""
        return [context.get(name) for context in (self.own, *self.contexts)]

    def list_effective(self, name: str) -> list[Any]:
        """The value of a field that holds for each container."""
        return [context.get(name, self.own.get(name)) for context in self.contexts]

    def iterate_handlers(self) -> Iterator[Object]:
        """Every probe and every hook of the containers."""
        for container in self.containers:
            yield from (container[probe] for probe in PROBES if container.get(probe))
            yield from (hook for hook in (container.get("lifecycle") or {}).values() if isinstance(hook, dict))


Control = Callable[[Pod], bool]


def _check_host_process(pod: Pod) -> bool:
    return not any((options or {}).get("hostProcess") for options in pod.list_everywhere("windowsOptions"))


def _check_host_namespaces(pod: Pod) -> bool:
    return not any(pod.spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC"))


def _check_privileged(pod: Pod) -> bool:
    return not any(context.get("privileged") for context in pod.contexts)


def _check_capabilities(pod: Pod) -> bool:
    all_of = [context.get("capabilities") or {} for context in pod.contexts]
    return all(
        "ALL" in (item.get("drop") or []) and set(item.get("add") or []) <= {"NET_BIND_SERVICE"} for item in all_of
    )


def _check_host_path(pod: Pod) -> bool:
    return not any("hostPath" in volume for volume in pod.spec.get("volumes") or [])


def _check_host_ports(pod: Pod) -> bool:
    return not any(port.get("hostPort") for container in pod.containers for port in container.get("ports") or [])


def _check_host_probes(pod: Pod) -> bool:
    actions = [handler.get(sort) or {} for handler in pod.iterate_handlers() for sort in ("httpGet", "tcpSocket")]
    return not any(action.get("host") for action in actions)


def _check_app_armor(pod: Pod) -> bool:
    named = [profile.get("type") for profile in pod.list_everywhere("appArmorProfile") if profile]
    annotations = pod.whole["metadata"].get("annotations") or {}
    older = [value for key, value in annotations.items() if key.startswith("container.apparmor.security.beta")]
    return set(named) <= {"RuntimeDefault", "Localhost"} and all(
        value == "runtime/default" or value.startswith("localhost/") for value in older
    )


def _check_selinux(pod: Pod) -> bool:
    options = [item for item in pod.list_everywhere("seLinuxOptions") if item]
    return all(item.get("type") in SELINUX and not item.get("user") and not item.get("role") for item in options)


def _check_proc_mount(pod: Pod) -> bool:
    return all(context.get("procMount") in (None, "Default") for context in pod.contexts)


def _check_sysctls(pod: Pod) -> bool:
    return {sysctl["name"] for sysctl in pod.own.get("sysctls") or []} <= SYSCTLS


def _check_volume_types(pod: Pod) -> bool:
    return all(set(volume) - {"name"} <= VOLUMES for volume in pod.spec.get("volumes") or [])


def _check_escalation(pod: Pod) -> bool:
    return all(context.get("allowPrivilegeEscalation") is False for context in pod.contexts)


def _check_non_root(pod: Pod) -> bool:
    return all(value is True for value in pod.list_effective("runAsNonRoot"))


def _check_non_root_user(pod: Pod) -> bool:
    return 0 not in pod.list_everywhere("runAsUser")


def _check_seccomp(pod: Pod) -> bool:
    profiles = [(profile or {}).get("type") for profile in pod.list_effective("seccompProfile")]
    return all(profile in ("RuntimeDefault", "Localhost") for profile in profiles)


PROFILE: dict[str, Control] = {
    "HostProcess": _check_host_process,
    "Host Namespaces": _check_host_namespaces,
    "Privileged Containers": _check_privileged,
    "Capabilities": _check_capabilities,
    "HostPath Volumes": _check_host_path,
    "Host Ports": _check_host_ports,
    "Host Probes / Lifecycle Hooks": _check_host_probes,
    "AppArmor": _check_app_armor,
    "SELinux": _check_selinux,
    "/proc Mount Type": _check_proc_mount,
    "Sysctls": _check_sysctls,
    "Volume Types": _check_volume_types,
    "Privilege Escalation": _check_escalation,
    "Running as Non-root": _check_non_root,
    "Running as Non-root user": _check_non_root_user,
    "Seccomp": _check_seccomp,
}
"""The controls by the names that the standard gives them."""


def _read_only(pod: Pod) -> bool:
    return all(context.get("readOnlyRootFilesystem") is True for context in pod.contexts)


def _check_resources(pod: Pod) -> bool:
    expected = {"cpu", "memory", "ephemeral-storage"}
    given = [container.get("resources") or {} for container in pod.containers]
    return all(set(item.get("requests") or {}) == expected == set(item.get("limits") or {}) for item in given)


def _check_scratch(pod: Pod) -> bool:
    mounts = [mount for container in pod.containers for mount in container.get("volumeMounts") or []]
    sized = all("sizeLimit" in (volume.get("emptyDir") or {}) for volume in pod.spec.get("volumes") or [])
    return sized and {mount["mountPath"] for mount in mounts} == {"/tmp"}  # noqa: S108  # in the pod


OURS: dict[str, Control] = {
    "read-only root": _read_only,
    "only /tmp can be written, and it has a size": _check_scratch,
    "requests and limits": _check_resources,
    "a deadline": lambda pod: (pod.spec.get("activeDeadlineSeconds") or 0) > 0,
    "the account without rights": lambda pod: pod.spec.get("serviceAccountName") == "nightshift-steps",
    "no token": lambda pod: pod.spec.get("automountServiceAccountToken") is False,
    "no addresses of services": lambda pod: pod.spec.get("enableServiceLinks") is False,
    "no priority over others": lambda pod: not pod.spec.get("priorityClassName"),
    "runs once": lambda pod: pod.spec.get("restartPolicy") == "Never",
}
"""What a step's pod has beyond the profile."""


def list_broken_controls(pod: Object) -> set[str]:
    """The controls that a pod does not meet."""
    return {name for name, meets in {**PROFILE, **OURS}.items() if not meets(Pod(pod))}
