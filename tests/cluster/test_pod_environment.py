"""What pods are told: variables from values, ConfigMaps, Secrets and their own fields."""

from typing import Any

from support.pod_client import Object, PodClient


def show(pods: PodClient, *names: str, **fields: Any) -> str:
    """What the variables are in a container, one a line."""
    script = "; ".join(f'echo "{name}=${{{name}-unset}}"' for name in names)
    return pods.read_output(pods.build_shell_container(script, **fields))


def reference(kind: str, name: str, key: str, **more: object) -> Object:
    return {"valueFrom": {f"{kind}KeyRef": {"name": name, "key": key, **more}}}


def test_values(pods: PodClient) -> None:
    env = [{"name": "PLAIN", "value": "a b"}, {"name": "EMPTY", "value": ""}, {"name": "QUOTED", "value": "\"'$HOME`"}]
    assert show(pods, "PLAIN", "EMPTY", "QUOTED", env=env) == "PLAIN=a b\nEMPTY=\nQUOTED=\"'$HOME`\n"


def test_keys_of_configmaps_and_secrets(pods: PodClient) -> None:
    config, secret = pods.create_configmap({"colour": "blue"}), pods.create_secret({"password": "tr\u00e8s=secret"})
    env = [
        {"name": "COLOUR", **reference("configMap", config, "colour")},
        {"name": "PASSWORD", **reference("secret", secret, "password")},
    ]
    assert show(pods, "COLOUR", "PASSWORD", env=env) == "COLOUR=blue\nPASSWORD=très=secret\n"


def test_all_of_a_configmap_and_a_secret(pods: PodClient) -> None:
    config, secret = pods.create_configmap({"ONE": "1", "TWO": "2"}), pods.create_secret({"KEY": "k"})
    sources = [{"configMapRef": {"name": config}}, {"prefix": "S_", "secretRef": {"name": secret}}]
    env = [{"name": "TWO", "value": "two"}]
    assert show(pods, "ONE", "TWO", "S_KEY", envFrom=sources, env=env) == "ONE=1\nTWO=two\nS_KEY=k\n"


def test_what_is_optional_may_be_missing(pods: PodClient) -> None:
    config = pods.create_configmap({"there": "yes"})
    env = [
        {"name": "NO_MAP", **reference("configMap", "nowhere", "x", optional=True)},
        {"name": "NO_KEY", **reference("configMap", config, "x", optional=True)},
        {"name": "NO_SECRET", **reference("secret", "nowhere", "x", optional=True)},
    ]
    sources = [{"secretRef": {"name": "nowhere", "optional": True}}]
    assert (
        show(pods, "NO_MAP", "NO_KEY", "NO_SECRET", env=env, envFrom=sources)
        == "NO_MAP=unset\nNO_KEY=unset\nNO_SECRET=unset\n"
    )


def test_variables_in_variables_and_in_arguments(pods: PodClient) -> None:
    env = [
        {"name": "FIRST", "value": "1"},
        {"name": "SECOND", "value": "$(FIRST)2"},
        {"name": "KEPT", "value": "$(UNKNOWN) $$(FIRST)"},
    ]
    container = pods.build_container("printf", "%s\n", "$(SECOND)", args=["$(KEPT)", "$$(FIRST)", "$FIRST"], env=env)
    assert pods.read_output(container) == "12\n$(UNKNOWN) $(FIRST)\n$(FIRST)\n$FIRST\n"


def test_fields_of_the_pod(pods: PodClient) -> None:
    paths = {
        "NAME": "metadata.name",
        "NAMESPACE": "metadata.namespace",
        "IDENTITY": "metadata.uid",
        "NODE": "spec.nodeName",
        "LABEL": "metadata.labels['team']",
    }
    env = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in paths.items()]
    script = "; ".join(f"echo ${name}" for name in paths)
    pod = pods.run(pods.build_pod(pods.build_shell_container(script, env=env), labels={"team": "blue"}))
    expected = [pod.metadata.name, pods.namespace, pod.metadata.uid, pod.spec.node_name, "blue"]
    assert pods.log(pod.metadata.name).split() == expected


def test_limits_of_the_container(pods: PodClient) -> None:
    expected = {"CPU": ("limits.cpu", "1"), "MILLI": ("limits.cpu", "1m"), "MEMORY": ("limits.memory", "1Mi")}
    env = [
        {"name": name, "valueFrom": {"resourceFieldRef": {"resource": resource, "divisor": divisor}}}
        for name, (resource, divisor) in expected.items()
    ]
    limits = {"limits": {"cpu": "250m", "memory": "64Mi"}}
    assert show(pods, *expected, env=env, resources=limits) == "CPU=1\nMILLI=250\nMEMORY=64\n"


def test_a_missing_configmap_is_named_and_waited_for(pods: PodClient) -> None:
    body = pods.build_pod(pods.build_shell_container("echo $A", envFrom=[{"configMapRef": {"name": "comes-late"}}]))
    name = pods.create(body)
    pod = pods.wait_for(name, "an error", lambda pod: _waiting(pod) == "CreateContainerConfigError")
    assert pod.status.phase == "Pending"
    assert 'configmap "comes-late" not found' in pod.status.container_statuses[0].state.waiting.message
    pods.api.create_namespaced_config_map(pods.namespace, {"metadata": {"name": "comes-late"}, "data": {"A": "here"}})
    assert pods.finish(name).status.phase == "Succeeded"
    assert pods.log(name) == "here\n"


def test_a_missing_key_is_named(pods: PodClient) -> None:
    secret = pods.create_secret({"there": "yes"})
    env = [{"name": "A", **reference("secret", secret, "absent")}]
    name = pods.create(pods.build_pod(pods.build_shell_container("exit 0", env=env)))
    pod = pods.wait_for(name, "an error", lambda pod: _waiting(pod) == "CreateContainerConfigError")
    assert "couldn't find key absent in Secret" in pod.status.container_statuses[0].state.waiting.message
    pods.delete(name, grace_period_seconds=0)


def test_pods_do_not_get_the_servers_environment(pods: PodClient) -> None:
    """Neither what the tests run with nor what the cluster runs with is in a pod."""
    names = {line.partition("=")[0] for line in pods.read_output(pods.build_shell_container("env")).splitlines()}
    assert not {name for name in names if name.startswith(("PYTEST", "NIGHTSHIFT", "AWS", "AIRFLOW"))}


def _waiting(pod: Any) -> str:
    states = pod.status.container_statuses
    return str(states[0].state.waiting.reason) if states and states[0].state.waiting else ""
