"""The values for Airflow's official chart, against what they name: Airflow itself, our images, our manifests.

The chart is not here: its own schema was read when the values were written, and `helm` checks it again at the install.
"""

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.cli.cli_parser import get_parser
from airflow.configuration import conf

from local_platform.services.airflow_services import AirflowInstance, build_environment
from support.airflow_environment import ROOT
from support.manifests import DEPLOY, OVERLAYS, TASKS_AT_ONCE, Manifests
from support.restricted_profile import PROFILE, Pod

Object = dict[str, Any]
CLUSTERS = [overlay for overlay in OVERLAYS if overlay != "local"]
PARTS = ("scheduler", "triggerer", "dagProcessor", "apiServer")
SECRET = re.compile(r"(?i)secret|password|token|fernet|connection|pass$")
OF_NIGHTSHIFT = re.compile(r"\bNIGHTSHIFT_[A-Z0-9_]+")


@pytest.fixture(scope="module")
def values() -> Object:
    read: Object = yaml.safe_load((DEPLOY / "airflow-values.yaml").read_text())
    return read


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar with the path of names to it."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, path)
    else:
        yield path, value


def of_airflow(rendered: dict[str, Manifests], overlay: str) -> dict[str, str]:
    """What Airflow's pods read as environment."""
    data: dict[str, str] = rendered[overlay].get_object("ConfigMap", "nightshift-airflow", "airflow")["data"]
    return data


def is_option(section: str, name: str) -> bool:
    return name in conf.configuration_description.get(section, {}).get("options", {})


def test_every_option_is_one_that_airflow_has(values: Object) -> None:
    options = [(section, name) for section, names in values["config"].items() for name in names]
    assert len(options) > 5
    assert [option for option in options if not is_option(*option)] == []
    assert not is_option("core", "paralelism")


@pytest.mark.parametrize("overlay", CLUSTERS)
def test_every_variable_is_read_by_somebody(overlay: str, rendered: dict[str, Manifests]) -> None:
    sources = " ".join(file.read_text() for file in (ROOT / "plugins").glob("**/*.py"))
    settings = {f"NIGHTSHIFT_S3_{name}" for name in ("ENDPOINT", "REGION", "BUCKET", "ADDRESSING")}
    known = set(OF_NIGHTSHIFT.findall(sources)) | settings
    for name in of_airflow(rendered, overlay):
        kind, *option = name.lower().split("__")
        assert is_option(*option) if kind == "airflow" else name in known, name


def test_the_versions_are_those_of_the_image(values: Object) -> None:
    assert values["airflowVersion"] == version("apache-airflow")
    locked = (ROOT / "requirements" / "airflow.txt").read_text()
    assert f"apache-airflow=={values['airflowVersion']} " in locked
    assert "airflow.providers.fab." in values["config"]["core"]["auth_manager"]
    assert re.search(r"^apache-airflow-providers-fab==", locked, re.MULTILINE)


@pytest.mark.parametrize("overlay", CLUSTERS)
def test_both_images_are_ours_and_of_one_release(overlay: str, values: Object, rendered: dict[str, Manifests]) -> None:
    repository, _, tag = of_airflow(rendered, overlay)["NIGHTSHIFT_STEP_IMAGE"].split("@")[0].rpartition(":")
    targets = set(re.findall(r"^FROM \S+ AS (\w+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert repository.rpartition("/")[2].removeprefix("nightshift-") in targets
    assert values["defaultAirflowRepository"] == repository.replace("nightshift-steps", "nightshift-airflow")
    assert values["defaultAirflowTag"] == tag


def test_the_user_is_the_one_of_the_image(values: Object) -> None:
    (user,) = set(re.findall(r"^USER (\d+:\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    own = values["securityContexts"]["pod"]
    assert {f"{values['uid']}:{values['gid']}", f"{own['runAsUser']}:{own['runAsGroup']}"} == {user}


def test_airflows_own_pods_meet_the_restricted_profile(values: Object) -> None:
    contexts = values["securityContexts"]
    container = {"name": "airflow", "securityContext": contexts["containers"]}
    spec = {"securityContext": contexts["pod"], "containers": [container], "volumes": values["volumes"]}
    pod = Pod({"metadata": {}, "spec": spec})
    assert [name for name, meets in PROFILE.items() if not meets(pod)] == []
    assert contexts["containers"]["readOnlyRootFilesystem"] is True
    assert [mount["mountPath"] for mount in values["volumeMounts"]] == ["/tmp"]  # noqa: S108  # in the pod


@pytest.mark.parametrize("overlay", CLUSTERS)
def test_the_accounts_are_those_that_the_role_is_given_to(
    overlay: str, values: Object, rendered: dict[str, Manifests]
) -> None:
    binding = rendered[overlay].get_object("RoleBinding", "nightshift-airflow")
    given = {subject["name"] for subject in binding["subjects"]}
    mounted = {part: values[part]["serviceAccount"] for part in (*PARTS, "migrateDatabaseJob")}
    with_token = {name["name"] for name in mounted.values() if name["automountServiceAccountToken"]}
    assert with_token == given
    assert (values["allowPodLaunching"], values["rbac"]["create"]) == (False, False)


@pytest.mark.parametrize("overlay", CLUSTERS)
def test_airflow_reads_the_configuration_that_the_overlays_make(
    overlay: str, values: Object, rendered: dict[str, Manifests]
) -> None:
    (source,) = yaml.safe_load(values["extraEnvFrom"])
    name = source["configMapRef"]["name"]
    assert rendered[overlay].get_object("ConfigMap", name, "airflow")
    assert "KUBECONFIG" not in str(values)


def test_no_secret_is_written_down(values: Object) -> None:
    secrets = {path: value for path, value in leaves(values) if SECRET.search(path.rpartition(".")[2])}
    assert secrets
    assert {path for path, value in secrets.items() if not isinstance(value, bool)} == {
        ".data.metadataSecretName",
        ".fernetKeySecretName",
        ".apiSecretKeySecretName",
        ".jwtSecretName",
    }
    assert values["createUserJob"] == {"enabled": False}
    for variable in (*values["apiServer"]["env"], *values["scheduler"]["env"]):
        assert set(variable) == {"name", "valueFrom"}


def test_only_pages_and_questions_have_the_key_that_may_look_at_objects(values: Object) -> None:
    with_key = [part for part in values if "nightshift-viewer" in str(values[part])]
    assert sorted(with_key) == ["apiServer", "scheduler"]


def test_there_are_two_of_each_part_whose_loss_would_stop_a_night(values: Object) -> None:
    for part in ("scheduler", "triggerer", "apiServer"):
        assert values[part]["replicas"] == 2
        assert values[part]["podDisruptionBudget"]["enabled"]
    assert [name for name in ("postgresql", "redis", "flower", "statsd") if values[name]["enabled"]] == []


def test_the_quota_has_room_for_all_tasks_at_once(values: Object) -> None:
    assert values["executor"] == "LocalExecutor"
    assert values["scheduler"]["replicas"] * values["config"]["core"]["parallelism"] == TASKS_AT_ONCE["production"]


def test_a_killed_task_and_a_killed_schedulers_tasks_are_found_as_soon_as_on_one_machine(values: Object) -> None:
    airflow = AirflowInstance(Path("home"), 1, Path("kubeconfig"), "http://mlflow", {}, "", "", "", {})
    local = build_environment(airflow)
    for option in ("task_instance_heartbeat_timeout", "orphaned_tasks_check_interval"):
        assert str(values["config"]["scheduler"][option]) == local[f"AIRFLOW__SCHEDULER__{option.upper()}"]


def test_probes_are_commands_of_the_image_and_every_part_has_limits(values: Object) -> None:
    probes = [
        values[part][probe] for part in PARTS for probe in ("livenessProbe", "startupProbe") if probe in values[part]
    ]
    commands = [probe["command"] for probe in probes if "command" in probe]
    assert len(commands) == 4
    for command in commands:
        assert command[0] == "airflow"
        get_parser().parse_args(command[1:])
    for part in (*PARTS, "migrateDatabaseJob"):
        assert {"requests", "limits"} == set(values[part]["resources"])
