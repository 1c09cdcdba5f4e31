"""What people do with kubectl."""

import json
import shutil
import subprocess
from collections.abc import Callable
from os import defpath
from pathlib import Path
from typing import Any

import pytest

from support.pod_client import PodClient, wait_until

KUBECTL = shutil.which("kubectl") or ""
pytestmark = pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed on this machine")
Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def kubectl(kubeconfig: Path, pods: PodClient, tmp_path: Path) -> Kubectl:
    def run(*arguments: str, given: Any = None, fails: bool = False) -> "subprocess.CompletedProcess[str]":
        command = [KUBECTL, "--kubeconfig", str(kubeconfig), "--namespace", pods.namespace, *arguments]
        text = None if given is None else json.dumps(given)
        surroundings = {"PATH": defpath, "HOME": str(tmp_path)}
        completed = subprocess.run(command, input=text, capture_output=True, text=True, timeout=90, env=surroundings)
        assert (completed.returncode != 0) == fails, completed
        return completed

    return run


def test_get_shows_the_usual_columns(kubectl: Kubectl, pods: PodClient) -> None:
    name = pods.run(pods.build_pod(pods.build_shell_container("exit 0"))).metadata.name
    head, row = kubectl("get", "pod", name).stdout.splitlines()
    assert head.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert row.split()[:4] == [name, "0/1", "Completed", "0"]
    assert name in kubectl("get", "pods", "-o", "wide").stdout
    assert kubectl("get", "pod", name, "-o", "jsonpath={.status.phase}").stdout == "Succeeded"


def test_get_shows_a_failed_pod_as_error(kubectl: Kubectl, pods: PodClient) -> None:
    name = pods.run(pods.build_pod(pods.build_shell_container("exit 1"))).metadata.name
    assert kubectl("get", "pod", name, "--no-headers").stdout.split()[2] == "Error"


@pytest.mark.parametrize(
    "kind", ["namespaces", "nodes", "configmaps", "secrets", "events", "serviceaccounts", "all", "po,cm"]
)
def test_get_knows_the_kinds(kubectl: Kubectl, kind: str) -> None:
    kubectl("get", kind)


def test_describe_shows_state_and_events(kubectl: Kubectl, pods: PodClient) -> None:
    name = pods.run(
        pods.build_pod(pods.build_shell_container("exit 3", env=[{"name": "COLOUR", "value": "blue"}]))
    ).metadata.name

    def described() -> str | None:
        text = kubectl("describe", "pod", name).stdout
        return text if "Started container main" in text else None

    # An event is written after what it tells of, so it may come later than the pod's end.
    text = wait_until("the event of the container's start", described)
    for expected in ("Exit Code:    3", "COLOUR:  blue", "Status:", "Failed", "Events:"):
        assert expected in text


def test_describe_of_other_kinds(kubectl: Kubectl, pods: PodClient) -> None:
    name = pods.create_secret({"password": "hidden-value"})
    text = kubectl("describe", "secret", name).stdout
    assert "password:  12 bytes" in text
    assert "hidden-value" not in text
    kubectl("describe", "node")
    kubectl("describe", "namespace", pods.namespace)


def test_logs_follow_to_the_end(kubectl: Kubectl, pods: PodClient) -> None:
    name = pods.start_pod(pods.build_pod(pods.build_shell_container("echo one; sleep 5; echo two")))
    assert kubectl("logs", "-f", name).stdout == "one\ntwo\n"
    assert kubectl("logs", "--tail=1", name).stdout == "two\n"


def test_apply_makes_changes_and_repeats(kubectl: Kubectl, pods: PodClient) -> None:
    body = pods.build_pod(
        pods.build_shell_container("sleep 60"), labels={"version": "1"}, terminationGracePeriodSeconds=0
    )
    body["metadata"] = {"name": "applied", "labels": {"version": "1", "gone": "soon"}}
    assert kubectl("apply", "-f", "-", given=body).stdout == "pod/applied created\n"
    assert kubectl("apply", "-f", "-", given=body).stdout == "pod/applied unchanged\n"
    body["metadata"]["labels"] = {"version": "2"}
    assert kubectl("apply", "-f", "-", given=body).stdout == "pod/applied configured\n"
    assert pods.read("applied").metadata.labels == {"version": "2"}
    kubectl("delete", "pod", "applied")
    assert pods.find("applied") is None


def test_apply_of_configuration(kubectl: Kubectl, pods: PodClient) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": "1", "b": "2"}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "applied"}, "stringData": {"a": "1"}}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "applied"}}
    kubectl("apply", "-f", "-", given={"apiVersion": "v1", "kind": "List", "items": [config, secret, account]})
    config["data"] = {"a": "one"}
    kubectl("apply", "-f", "-", given=config)
    assert pods.api.read_namespaced_config_map("applied", pods.namespace).data == {"a": "one"}


def test_apply_of_an_unknown_field_is_refused(kubectl: Kubectl, pods: PodClient) -> None:
    body = pods.build_pod(pods.build_shell_container("exit 0"))
    body["metadata"] = {"name": "misspelt"}
    body["spec"]["restartPolcy"] = "Never"
    assert "restartPolcy" in kubectl("apply", "-f", "-", given=body, fails=True).stderr
    assert pods.find("misspelt") is None


def test_wait_for_a_condition_and_for_the_end(kubectl: Kubectl, pods: PodClient) -> None:
    name = pods.create(pods.build_pod(pods.build_shell_container("sleep 60"), terminationGracePeriodSeconds=1))
    kubectl("wait", "--for=condition=Ready", "--timeout=60s", f"pod/{name}")
    kubectl("delete", "pod", name, "--wait=false")
    kubectl("wait", "--for=delete", "--timeout=60s", f"pod/{name}")


def test_run_and_delete(kubectl: Kubectl, pods: PodClient) -> None:
    kubectl(
        "run",
        "quick",
        f"--image={pods.image}",
        "--restart=Never",
        "--image-pull-policy=IfNotPresent",
        "--command",
        "--",
        "true",
    )
    assert pods.finish("quick").status.phase == "Succeeded"
    kubectl("delete", "pod", "quick", "--now")
    assert pods.find("quick") is None


def test_label_annotate_and_select(kubectl: Kubectl, pods: PodClient) -> None:
    name = pods.create_configmap({})
    kubectl("label", "configmap", name, "found=yes")
    kubectl("annotate", "configmap", name, "note=hello")
    assert kubectl("get", "configmap", "-l", "found=yes", "-o", "name").stdout == f"configmap/{name}\n"


def test_a_mistake_is_explained(kubectl: Kubectl) -> None:
    assert 'pods "absent" not found' in kubectl("get", "pod", "absent", fails=True).stderr
    assert 'doesn\'t have a resource type "unicorns"' in kubectl("get", "unicorns", fails=True).stderr


def test_watch_prints_changes(kubeconfig: Path, pods: PodClient, tmp_path: Path) -> None:
    name = pods.create(pods.build_pod(pods.build_shell_container("sleep 1")))
    where = ("--kubeconfig", str(kubeconfig), "--namespace", pods.namespace)
    command = [KUBECTL, *where, "get", "pod", name, "--watch", "--no-headers"]
    surroundings = {"PATH": defpath, "HOME": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=surroundings) as process:
        try:
            assert process.stdout is not None
            assert any("Completed" in line for line in process.stdout)
        finally:
            process.terminate()
