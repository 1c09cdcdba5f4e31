"""The manifests of every overlay: what they give, to whom, and that they give nothing else."""

import ipaddress
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from local_cluster.quantities import parse
from nightshift_airflow.kubernetes.pod_policy import ACCOUNT, CONFIGURATION
from support import api_schema
from support.manifests import DEPLOY, KUBERNETES, TASKS_AT_ONCE, Manifests

Object = dict[str, Any]
STEPS = {"matchLabels": {"app.kubernetes.io/name": "nightshift-step"}}
LEVELS = ("enforce", "audit", "warn")
SECRET = re.compile(r"(?i)(password|passwd|secret|token|private|access_?key)")


def test_every_object_is_one_that_a_current_kubernetes_knows(manifests: Manifests) -> None:
    unknown = {item["metadata"]["name"]: api_schema.list_mistakes(item) for item in manifests.objects}
    assert {name: lines for name, lines in unknown.items() if lines} == {}


def test_an_unknown_field_would_be_found(manifests: Manifests) -> None:
    policy = manifests.get_object("NetworkPolicy", "default-deny")
    assert api_schema.list_mistakes({**policy, "spec": {**policy["spec"], "egres": []}}) == [
        "NetworkPolicy.spec.egres is no field of V1NetworkPolicySpec"
    ]


def test_the_namespaces_enforce_the_restricted_profile(manifests: Manifests) -> None:
    namespaces = {item["metadata"]["name"]: item for item in manifests.objects if item["kind"] == "Namespace"}
    assert set(namespaces) == ({"nightshift"} if manifests.overlay == "local" else {"nightshift", "airflow"})
    for namespace in namespaces.values():
        labels = namespace["metadata"]["labels"]
        assert {level: labels[f"pod-security.kubernetes.io/{level}"] for level in LEVELS} == dict.fromkeys(
            LEVELS, "restricted"
        )
        assert {labels[f"pod-security.kubernetes.io/{level}-version"] for level in LEVELS} == {"latest"}


def test_airflow_may_do_what_it_does_and_nothing_else(manifests: Manifests) -> None:
    (role,) = [role for role in manifests.objects if role["kind"] in ("Role", "ClusterRole")]
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", "nightshift")
    assert {
        (group, kind): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for kind in rule["resources"]
    } == {
        ("", "pods"): {"create", "get", "list", "watch", "patch", "delete"},
        ("", "pods/log"): {"get"},
        ("", "events"): {"list"},
    }


def test_the_role_is_given_to_whoever_runs_tasks(manifests: Manifests) -> None:
    (binding,) = [item for item in manifests.objects if item["kind"] in ("RoleBinding", "ClusterRoleBinding")]
    subjects = {(item["kind"], item["namespace"], item["name"]) for item in binding["subjects"]}
    outside = {("ServiceAccount", "nightshift", "nightshift-airflow")}
    inside = {("ServiceAccount", "airflow", f"airflow-{part}") for part in ("scheduler", "triggerer")}
    assert subjects == (outside if manifests.overlay == "local" else inside)
    assert binding["roleRef"]["name"] == "nightshift-airflow"


def test_no_account_mounts_a_token_and_none_is_idle(manifests: Manifests) -> None:
    accounts = {item["metadata"]["name"]: item for item in manifests.list_objects("ServiceAccount")}
    assert set(accounts) == {ACCOUNT, "nightshift-airflow"} - (
        set() if manifests.overlay == "local" else {"nightshift-airflow"}
    )
    assert {item["automountServiceAccountToken"] for item in accounts.values()} == {False}


def test_nothing_reaches_a_pod_and_a_pod_reaches_nothing_by_default(manifests: Manifests) -> None:
    denied = manifests.get_object("NetworkPolicy", "default-deny")["spec"]
    assert denied == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert not any(item["spec"].get("ingress") for item in manifests.list_objects("NetworkPolicy"))


def test_steps_reach_names_objects_and_the_registry(manifests: Manifests, pods: dict[str, Object]) -> None:
    ways = {
        policy["metadata"]["name"]: policy["spec"]
        for policy in manifests.list_objects("NetworkPolicy")
        if "egress" in policy["spec"]
    }
    assert set(ways) == {"steps-to-dns", "steps-to-s3", "steps-to-mlflow"}
    for way in ways.values():
        assert way["podSelector"] == STEPS
        assert all(rule["to"] for rule in way["egress"]), "a rule without peers lets a step reach everything"
    for pod in pods.values():
        assert STEPS["matchLabels"].items() <= pod["metadata"]["labels"].items()


def test_the_internet_is_not_among_the_ways(manifests: Manifests) -> None:
    blocks = [ipaddress.ip_network(peer["ipBlock"]["cidr"]) for peer in peers(manifests) if "ipBlock" in peer]
    assert blocks
    assert [block for block in blocks if not block.is_private] == []


def test_in_production_every_way_has_its_ports(rendered: dict[str, Manifests]) -> None:
    for overlay in ("staging", "production"):
        for policy in rendered[overlay].list_objects("NetworkPolicy"):
            assert all(rule.get("ports") for rule in policy["spec"].get("egress", []))


def test_the_quota_has_room_for_the_promised_steps_and_the_limits_admit_each(
    manifests: Manifests, pods: dict[str, Object]
) -> None:
    quota = {
        name: parse(amount)
        for name, amount in manifests.get_object("ResourceQuota", "nightshift")["spec"]["hard"].items()
    }
    (limits,) = manifests.get_object("LimitRange", "nightshift")["spec"]["limits"]
    largest: dict[str, Decimal] = {}
    for pod in pods.values():
        for sort, amounts in pod["spec"]["containers"][0]["resources"].items():
            for name, text in amounts.items():
                assert parse(text) <= parse(limits["max"][name])
                largest[f"{sort}.{name}"] = max(parse(text), largest.get(f"{sort}.{name}", Decimal(0)))
    at_once = TASKS_AT_ONCE[manifests.overlay]
    assert at_once < quota["pods"]
    assert {name: at_once * each <= quota[name] for name, each in largest.items()} == dict.fromkeys(largest, True)


def test_a_container_that_says_nothing_is_limited_all_the_same(manifests: Manifests) -> None:
    (limits,) = manifests.get_object("LimitRange", "nightshift")["spec"]["limits"]
    assert limits["type"] == "Container"
    assert set(limits["default"]) == set(limits["defaultRequest"]) == set(limits["max"])
    for name, most in limits["max"].items():
        assert parse(limits["defaultRequest"][name]) <= parse(limits["default"][name]) <= parse(most)


def test_pods_have_no_claims_and_no_services(manifests: Manifests) -> None:
    hard = manifests.get_object("ResourceQuota", "nightshift")["spec"]["hard"]
    assert (hard["persistentvolumeclaims"], hard["services"]) == ("0", "0")


def test_the_configuration_has_the_name_that_pods_read(rendered: dict[str, Manifests]) -> None:
    assert rendered["local"].list_objects("ConfigMap") == []  # the platform makes it: it chooses the ports
    for overlay in ("staging", "production"):
        data = rendered[overlay].get_object("ConfigMap", CONFIGURATION)["data"]
        assert {"NIGHTSHIFT_S3_ENDPOINT", "NIGHTSHIFT_S3_BUCKET", "MLFLOW_TRACKING_URI"} <= set(data)
        # The image says it, and says it truly.
        assert "NIGHTSHIFT_RUN_CODE_VERSION" not in data


def test_no_secret_is_written_down(manifests: Manifests) -> None:
    assert [item["metadata"]["name"] for item in manifests.objects if item["kind"] == "Secret"] == []
    for config in (item for item in manifests.objects if item["kind"] == "ConfigMap"):
        assert not [name for name in config["data"] if SECRET.search(name)]
    for file in DEPLOY.rglob("*.y*ml"):
        assert not re.search(r"^\s*(- )?kind: *[\"']?Secret\b", file.read_text(), re.MULTILINE), file


def test_no_wildcard_and_no_latest_stand_in_any_manifest() -> None:
    files = sorted(DEPLOY.glob("kubernetes/**/*.yaml")) + sorted(DEPLOY.glob("kubernetes/**/*.env"))
    assert len(files) > 10
    for file in files:
        text = "\n".join(line for line in file.read_text().splitlines() if not line.lstrip().startswith("#"))
        assert "*" not in text, file
        assert ":latest" not in text, file


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_the_image_of_the_steps_is_pinned(overlay: str, rendered: dict[str, Manifests]) -> None:
    data = rendered[overlay].get_object("ConfigMap", "nightshift-airflow", "airflow")["data"]
    assert re.fullmatch(
        r"[^@]+/nightshift-steps:(?!latest)[\w.-]+(@sha256:[0-9a-f]{64})?", data["NIGHTSHIFT_STEP_IMAGE"]
    )


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_the_alias_is_synced_with_what_a_step_has_and_from_the_steps_image(
    overlay: str, rendered: dict[str, Manifests], pods: dict[str, Object]
) -> None:
    assert rendered["local"].list_objects("Deployment") == []  # one machine's platform has a service for it
    deployment = rendered[overlay].get_object("Deployment", "alias-sync")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    airflow = rendered[overlay].get_object("ConfigMap", "nightshift-airflow", "airflow")["data"]
    assert container["image"] == airflow["NIGHTSHIFT_STEP_IMAGE"]
    assert container["args"][:3] == ["sync-alias", "--every", "300"]
    step = pods["flights_nightly.promote"]["spec"]
    spec = deployment["spec"]["template"]["spec"]
    for name in ("serviceAccountName", "automountServiceAccountToken", "enableServiceLinks", "securityContext"):
        assert spec[name] == step[name], name
    for name in ("envFrom", "securityContext"):
        assert container[name] == step["containers"][0][name], name
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert STEPS["matchLabels"].items() <= labels.items()
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_every_file_of_the_manifests_is_part_of_some_overlay() -> None:
    named = " ".join(file.read_text() for file in KUBERNETES.glob("**/kustomization.yaml"))
    others = [file.name for file in KUBERNETES.glob("**/*") if file.is_file() and file.name != "kustomization.yaml"]
    assert [name for name in others if name not in named] == []


def peers(manifests: Manifests) -> Iterator[Object]:
    """Whom steps may reach."""
    for policy in manifests.list_objects("NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            yield from rule["to"]
