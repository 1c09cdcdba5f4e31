"""docker-compose.yaml against the code that it starts; nothing is started here."""

import re
from typing import Any

import pytest
import yaml

from local_platform.compose.__main__ import COMMANDS
from local_platform.compose.secret_files import ALL, SECRETS, divide_secrets
from local_platform.services import airflow_services
from support.compose_project import ONE_SHOT, ROOT, SERVERS

FILE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OF_ONE_MACHINE = {"SPT_NOENV"}
"""Options by which processes without containers are found again."""


def test_airflow_has_the_same_pace_as_without_containers() -> None:
    expected = {
        name: value for name, value in airflow_services._build_pace_options().items() if name not in OF_ONE_MACHINE
    }
    for name in ("init", "api-server", "scheduler", "dag-processor", "triggerer"):
        environment = SERVICES[name]["environment"]
        assert {option: environment.get(option) for option in expected} == expected, name


def test_the_users_are_those_whose_passwords_are_made() -> None:
    listed = SERVICES["api-server"]["environment"]["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"]
    assert dict(user.split(":") for user in listed.split(",")) == airflow_services.USERS
    assert {f"{user}-password" for user in airflow_services.USERS} <= set(SECRETS)


def test_every_service_is_known_to_the_tests() -> None:
    assert set(SERVICES) == {*SERVERS, *ONE_SHOT, "steps"}


def test_the_secrets_of_each_service_have_a_volume() -> None:
    folders = {*divide_secrets(dict.fromkeys(SECRETS, "x")), ALL}
    mounted = dict(reversed(volume.split(":")) for volume in SERVICES["keys"]["volumes"])
    assert set(mounted) == {f"/run/keys/{folder}" for folder in folders}
    created = re.search(r"for name in ([a-z0-9 -]+); do echo \"/run/keys/", (ROOT / "Dockerfile").read_text())
    assert created
    assert set(created[1].split()) == folders


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"keys"}))
def test_a_service_reads_its_own_secrets_and_no_others(name: str) -> None:
    volumes = [volume for volume in SERVICES[name].get("volumes", []) if volume.startswith("keys")]
    assert len(volumes) == 1
    assert volumes[0].endswith(":/run/keys:ro,nocopy")
    assert not volumes[0].startswith("keys:")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_secret_stands_in_the_file(name: str) -> None:
    for option, value in SERVICES[name].get("environment", {}).items():
        if re.search("PASSWORD|SECRET|FERNET|SQL_ALCHEMY_CONN|CREDENTIALS", option):
            assert option.endswith(("_CMD", "_FILE")), option
            assert "/run/keys/" in value or option.endswith("PASSWORDS_FILE")


def test_our_programs_are_asked_for_by_words_that_they_know() -> None:
    arguments = [
        service["command"][-1]
        for service in SERVICES.values()
        if "local_platform.compose" in service.get("command", [])
    ]
    assert set(arguments) == set(COMMANDS) - {"mlflow-upgrade", "manifests"}


def test_the_image_from_a_registry_is_pinned() -> None:
    assert re.fullmatch(r"\$\{NIGHTSHIFT_POSTGRES_IMAGE:-postgres:\d+\.\d+-[a-z]+\}", SERVICES["postgres"]["image"])


def test_each_image_of_ours_is_built_by_one_service() -> None:
    ours = {service["image"] for service in SERVICES.values() if service["image"].startswith("nightshift-")}
    assert sorted(s["image"] for s in SERVICES.values() if "build" in s) == sorted(ours)


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"postgres"}))
def test_a_proxy_of_docker_s_configuration_is_not_used(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert (environment["NO_PROXY"], environment["no_proxy"]) == ("*", "*")
