"""What a real cluster makes of the manifests: pods are accepted, the account can do its work and nothing else, and a
step is confined.

What a cluster enforces depends on it. Version 1.20 knows no Pod Security admission, and a simple network enforces no
NetworkPolicy: these two are checked on the rendered objects alone.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from support.applied_manifests import Applied, apply_manifests, find_kubeconfig, run_kubectl
from support.pod_client import PodClient

pytestmark = pytest.mark.kubernetes
Object = dict[str, Any]
IMAGE = os.environ.get("NIGHTSHIFT_TEST_STEP_IMAGE", "nightshift-steps:local")
MAY = [
    *(("", "pods", "", verb) for verb in ("create", "get", "list", "watch", "patch", "delete")),
    ("", "pods", "log", "get"),
    ("", "events", "", "list"),
]
MAY_NOT = [
    *(("", "secrets", "", verb) for verb in ("get", "list", "watch", "create", "update", "patch", "delete")),
    *(("", "configmaps", "", verb) for verb in ("get", "list", "watch", "create", "update", "patch", "delete")),
    *(("", "serviceaccounts", "", verb) for verb in ("get", "list", "create", "impersonate")),
    *(("", "pods", part, "create") for part in ("exec", "attach", "portforward", "eviction", "binding", "proxy")),
    *(("", "pods", part, verb) for part in ("exec", "ephemeralcontainers", "status") for verb in ("get", "patch")),
    *(("", "pods", "", verb) for verb in ("update", "deletecollection")),
    *(("", "events", "", verb) for verb in ("get", "watch", "create", "patch", "delete")),
    ("", "serviceaccounts", "token", "create"),
    ("", "resourcequotas", "", "patch"),
    ("", "limitranges", "", "delete"),
    ("", "persistentvolumeclaims", "", "create"),
    ("", "services", "", "create"),
    ("apps", "deployments", "", "create"),
    ("batch", "jobs", "", "create"),
    ("networking.k8s.io", "networkpolicies", "", "delete"),
    ("rbac.authorization.k8s.io", "roles", "", "escalate"),
    ("rbac.authorization.k8s.io", "rolebindings", "", "create"),
    ("*", "*", "", "*"),
]
OF_THE_CLUSTER = [
    ("", "nodes", "", "list"),
    ("", "nodes", "proxy", "get"),
    ("", "namespaces", "", "list"),
    ("", "pods", "", "list"),
    ("", "secrets", "", "list"),
    ("rbac.authorization.k8s.io", "clusterroles", "", "bind"),
]
PROBE = """
import errno, json, os, socket, ssl, urllib.error, urllib.request

def written(folder):
    path = os.path.join(folder, "probe")
    try:
        with open(path, "w") as file:
            file.write("x")
        os.unlink(path)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "written"

def answer(url):
    try:
        return urllib.request.urlopen(url, timeout=10, context=ssl._create_unverified_context()).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0

status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
folders = ["/", "/etc", "/opt", "/opt/nightshift", "/usr/local/bin", "/var/tmp", "/home", "/run", "/dev", "/tmp"]
print(json.dumps({
    "users": status["Uid"].split() + status["Gid"].split(),
    "capabilities": [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
    "no_new_privileges": int(status["NoNewPrivs"]),
    "seccomp": int(status["Seccomp"]),
    "folders": {folder: written(folder) for folder in folders if os.path.isdir(folder)},
    "token": os.path.exists("/var/run/secrets/kubernetes.io"),
    "api": [answer(os.environ["SERVER"] + path) for path in json.loads(os.environ["PATHS"])],
    "bucket": os.environ.get("NIGHTSHIFT_S3_BUCKET"),
    "services": [name for name in os.environ if name.endswith("_SERVICE_HOST") and name != "KUBERNETES_SERVICE_HOST"],
}))
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    with apply_manifests(tmp_path_factory.mktemp("manifests")) as actual:
        yield actual


def test_applying_again_changes_nothing(cluster: Applied) -> None:
    output = run_kubectl("apply", "-k", str(cluster.folder)).splitlines()
    assert len(output) > 10
    assert [line for line in output if not line.endswith("unchanged")] == []


def test_every_pod_is_accepted_from_airflows_account(cluster: Applied, pods: dict[str, Object]) -> None:
    core = client.CoreV1Api(cluster.airflow)
    for pod in pods.values():
        created = core.create_namespaced_pod(cluster.namespace, cluster.place_pod(pod), dry_run="All")
        assert created.spec.service_account_name == "nightshift-steps"
        assert created.spec.containers[0].resources.limits == pod["spec"]["containers"][0]["resources"]["limits"]
        assert not any(volume.projected or volume.secret for volume in created.spec.volumes)
    assert core.list_namespaced_pod(cluster.namespace).items == []


def test_a_pod_beyond_the_limits_is_refused(cluster: Applied, pods: dict[str, Object]) -> None:
    pod = json.loads(json.dumps(cluster.place_pod(next(iter(pods.values())))))
    pod["spec"]["containers"][0]["resources"]["limits"]["memory"] = "64Gi"
    with pytest.raises(ApiException, match="maximum memory usage per Container"):
        client.CoreV1Api(cluster.airflow).create_namespaced_pod(cluster.namespace, pod, dry_run="All")


def test_airflows_account_may_do_its_work(cluster: Applied) -> None:
    assert {act: allowed(cluster, cluster.namespace, act) for act in MAY} == dict.fromkeys(MAY, True)


def test_airflows_account_may_do_nothing_else(cluster: Applied) -> None:
    here = {act: allowed(cluster, cluster.namespace, act) for act in MAY_NOT}
    elsewhere = {act: allowed(cluster, "default", act) for act in MAY}
    everywhere = {act: allowed(cluster, None, act) for act in OF_THE_CLUSTER}
    assert [act for answers in (here, elsewhere, everywhere) for act, given in answers.items() if given] == []


def test_a_secret_cannot_be_read_with_airflows_account(cluster: Applied) -> None:
    with pytest.raises(ApiException, match="Forbidden"):
        client.CoreV1Api(cluster.airflow).read_namespaced_secret("nightshift-steps", cluster.namespace)


def test_the_account_of_the_steps_may_do_nothing(cluster: Applied) -> None:
    user = f"system:serviceaccount:{cluster.namespace}:nightshift-steps"
    acts = [*MAY, *MAY_NOT]
    assert [act for act in acts if allowed(cluster, cluster.namespace, act, user)] == []


def test_a_step_is_confined(cluster: Applied, pods: dict[str, Object]) -> None:
    result = probed(cluster, next(pod for name, pod in pods.items() if name.endswith("_nightly.promote")))
    assert "0" not in result["users"]
    assert result["capabilities"] == [0, 0, 0, 0, 0]
    assert (result["no_new_privileges"], result["seccomp"]) == (1, 2)  # 2: a filter is on
    assert result["folders"].pop("/tmp") == "written"  # noqa: S108  # in the pod
    assert set(result["folders"].values()) <= {"EROFS", "EACCES", "EPERM"}
    assert result["token"] is False
    assert set(result["api"]) <= {0, 401, 403}  # 0: the network gives no way to it at all
    assert result["bucket"] == "canary-bucket"
    assert result["services"] == []


def probed(cluster: Applied, pod: Object) -> Object:
    """What a step's pod sees when it looks around instead of doing its work."""
    pod = json.loads(json.dumps(cluster.place_pod(pod)))
    container = pod["spec"]["containers"][0]
    container |= {"image": IMAGE, "command": ["python", "-c", PROBE], "args": []}
    paths = [f"/api/v1/namespaces/{cluster.namespace}/{kind}" for kind in ("pods", "secrets")] + ["/api/v1/nodes"]
    container["env"] += [{"name": "SERVER", "value": cluster.server}, {"name": "PATHS", "value": json.dumps(paths)}]
    runner = PodClient(client.CoreV1Api(cluster.airflow), cluster.namespace, IMAGE)
    name = runner.create(pod)
    ended = runner.finish(name, timeout=120)
    log = runner.log(name)
    runner.delete(name)
    assert ended.status.phase == "Succeeded", f"{ended.status}\n{log}"
    results: Object = json.loads(log)
    return results


def allowed(cluster: Applied, namespace: str | None, act: tuple[str, str, str, str], user: str = "") -> bool:
    """Whether the cluster lets Airflow's account, or `user`, do something in a namespace or (None) in all of them."""
    group, kind, part, verb = act
    attributes = client.V1ResourceAttributes(
        group=group, resource=kind, subresource=part, verb=verb, namespace=namespace
    )
    if user:
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
        spec = client.V1SubjectAccessReviewSpec(resource_attributes=attributes, user=user, groups=groups)
        review = client.AuthorizationV1Api(cluster.admin).create_subject_access_review({"spec": spec})
    else:
        mine = client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
        review = client.AuthorizationV1Api(cluster.airflow).create_self_subject_access_review({"spec": mine})
    return bool(review.status.allowed)


def test_a_missing_cluster_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTSHIFT_TEST_KUBECONFIG", raising=False)
    with pytest.raises(pytest.fail.Exception, match="NIGHTSHIFT_TEST_KUBECONFIG names no file"):
        find_kubeconfig()
