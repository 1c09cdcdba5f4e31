"""What a container of docker-compose.yaml may do, what it can reach, and where secrets are not."""

import json
import re
import socket

import pytest

from local_platform.compose.secret_files import SECRETS
from local_platform.demo.airflow_api import AirflowApi
from local_platform.errors import NotReady
from local_platform.services.service import fetch
from support.compose_project import ONE_SHOT, SERVERS, Project, run_docker

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]
PUBLISHED = {"api-server": "8080/tcp", "mlflow": "5000/tcp"}
IN_FRONT = {"api-server", "mlflow"}
NO_CAPABILITY = "0000000000000000"


@pytest.fixture(scope="module")
def secrets(project: Project) -> dict[str, str]:
    """Every secret of the project."""
    script = "cd /run/keys/all && for name in *; do echo $name=$(cat $name); done"
    lines = project.read_output("run", "--rm", "-T", "--no-deps", "keys", "sh", "-c", script).split()
    return dict(line.split("=", 1) for line in lines)


def _login(project: Project, user: str, password: str) -> AirflowApi:
    return AirflowApi(f"http://127.0.0.1:{project.variables['NIGHTSHIFT_AIRFLOW_PORT']}", user, password)


def test_everything_is_healthy_or_done(project: Project) -> None:
    actual = project.inspect_containers()
    assert set(actual) == {*SERVERS, *ONE_SHOT}
    for name in SERVERS:
        assert project.is_healthy(name), actual[name]["State"]
    for name in ONE_SHOT:
        assert (actual[name]["State"]["Status"], actual[name]["State"]["ExitCode"]) == ("exited", 0)


def test_each_secret_is_its_own(secrets: dict[str, str]) -> None:
    assert set(secrets) == set(SECRETS)
    assert len(set(secrets.values())) == len(SECRETS)
    assert min(map(len, secrets.values())) >= 16


def test_each_service_has_the_secrets_that_it_needs(project: Project, secrets: dict[str, str]) -> None:
    for service, needed in {
        "postgres": {"postgres-password", "airflow-database-password", "mlflow-database-password"},
        "s3": {"s3-platform-key", "s3-steps-key", "s3-mlflow-key", "s3-viewer-key"},
        "mlflow": {"mlflow-database-password", "s3-mlflow-key"},
        "cluster": {"s3-steps-key"},
        "scheduler": {"airflow-database-password", "airflow-fernet-key", "airflow-jwt-key", "s3-viewer-key"},
        "triggerer": {"airflow-database-password", "airflow-fernet-key", "airflow-jwt-key"},
    }.items():
        held = project.execute(service, "sh", "-c", "cat /run/keys/*")
        assert {name for name, value in secrets.items() if value in held} == needed, service


def test_no_secret_can_be_read_from_outside_of_its_files(project: Project, secrets: dict[str, str]) -> None:
    output = {
        "docker compose config": json.dumps(project.read_configuration()),
        "docker inspect": json.dumps(project.inspect_containers()),
        "logs": project.read_logs(),
        **{name: project.execute(name, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '") for name in SERVERS},
    }
    assert "mlflow_server" in output["mlflow"]
    assert [(name, where) for name, value in secrets.items() for where, text in output.items() if value in text] == []


@pytest.mark.parametrize("name", [*SERVERS, *ONE_SHOT])
def test_a_container_is_confined(project: Project, name: str) -> None:
    container = project.inspect(name)
    host = container["HostConfig"]
    assert re.fullmatch(r"[1-9]\d*(:\d+)?", container["Config"]["User"])
    assert host["ReadonlyRootfs"] is True
    assert (host["CapDrop"], host["CapAdd"] or []) == (["ALL"], [])
    assert host["Privileged"] is False
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] > 0
    assert host["NanoCpus"] > 0
    assert host["PidsLimit"] > 0
    assert {mount["Type"] for mount in container["Mounts"]} <= {"volume"}
    assert host["RestartPolicy"]["Name"] == ("no" if name in ONE_SHOT else "unless-stopped")


@pytest.mark.parametrize("name", SERVERS)
def test_a_running_process_has_no_right_to_spare(project: Project, name: str) -> None:
    status = dict(
        line.split(":", 1) for line in project.execute(name, "cat", "/proc/1/status").splitlines() if ":" in line
    )
    assert "0" not in status["Uid"].split()
    assert {status[kind].strip() for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {NO_CAPABILITY}
    assert status["NoNewPrivs"].strip() == "1"
    refused = project.compose("exec", "-T", name, "sh", "-c", "echo x >/usr/x || echo x >/x", timeout=60)
    assert refused.returncode != 0
    assert "Read-only file system" in refused.stderr or "Permission denied" in refused.stderr


def test_only_the_two_user_interfaces_are_published_and_on_this_machine_only(project: Project) -> None:
    bound = {
        name: {port: [where["HostIp"] for where in hosts] for port, hosts in published.items() if hosts}
        for name, container in project.inspect_containers().items()
        if (published := container["NetworkSettings"]["Ports"])
    }
    assert {name: item for name, item in bound.items() if item} == {
        name: {port: ["127.0.0.1"]} for name, port in PUBLISHED.items()
    }


def test_another_address_of_this_machine_does_not_answer(project: Project) -> None:
    gateway = project.inspect("mlflow")["NetworkSettings"]["Networks"][f"{project.name}_front"]["Gateway"]
    for variable in ("NIGHTSHIFT_AIRFLOW_PORT", "NIGHTSHIFT_MLFLOW_PORT"):
        port = int(project.variables[variable])
        socket.create_connection(("127.0.0.1", port), 5).close()
        with pytest.raises(OSError, match=r"refused|timed out"):
            socket.create_connection((gateway, port), 5)


def test_only_what_is_published_has_a_way_out(project: Project) -> None:
    internal = {
        name: json.loads(run_docker("network", "inspect", name))[0]["Internal"] for name in project.list_networks()
    }
    assert len(internal) == 5
    for name, container in project.inspect_containers().items():
        joined = set(container["NetworkSettings"]["Networks"]) - {"none"}
        assert all(internal[network] for network in joined) == (name not in IN_FRONT), name


@pytest.mark.parametrize("name", ["s3", "cluster", "scheduler", "dag-processor", "triggerer"])
def test_the_internet_does_not_answer(project: Project, name: str) -> None:
    script = "import socket; socket.create_connection(('1.1.1.1', 443), 2)"
    refused = project.compose("exec", "-T", name, "python", "-c", script, timeout=60)
    assert refused.returncode == 1
    assert re.search("TimeoutError|OSError", refused.stderr)


def test_of_the_object_storage_only_s3_is_reached(project: Project) -> None:
    script = (
        "import socket, sys; doors = [p for p in range(1, 65536) if not socket.socket().connect_ex(('s3', p))];"
        "print(doors)"
    )
    assert project.execute("mlflow", "python", "-W", "ignore", "-c", script).strip() == "[8333]"


def test_the_databases_are_closed_to_each_other(project: Project) -> None:
    script = (
        "import psycopg2, sys; url = open('/run/keys/database-url').read().replace('+psycopg2', '');"
        "psycopg2.connect(url).close(); psycopg2.connect(url.rpartition('/')[0] + '/mlflow')"
    )
    refused = project.compose("exec", "-T", "scheduler", "python", "-c", script, timeout=60)
    assert refused.returncode != 0
    assert 'permission denied for database "mlflow"' in refused.stderr


def test_the_generated_password_logs_in(project: Project, secrets: dict[str, str]) -> None:
    shown = project.execute("api-server", "cat", "/run/keys/admin-password").strip()
    assert shown == secrets["admin-password"]
    assert _login(project, "admin", shown).read_import_errors() == []
    _login(project, "analyst", secrets["analyst-password"])


@pytest.mark.parametrize("password", ["", "admin", "x" * 16])
def test_another_password_does_not(project: Project, password: str) -> None:
    with pytest.raises(NotReady, match=r"40[01]"):
        _login(project, "admin", password)


def test_the_analyst_may_not_run_anything(project: Project, secrets: dict[str, str]) -> None:
    with pytest.raises(NotReady, match="403"):
        _login(project, "analyst", secrets["analyst-password"]).unpause("flights_replay")


def test_mlflow_answers_to_its_names_only(project: Project) -> None:
    port = project.variables["NIGHTSHIFT_MLFLOW_PORT"]
    assert fetch(f"http://localhost:{port}/version") is not None
    with socket.create_connection(("127.0.0.1", int(port)), 5) as connection:
        connection.sendall(b"GET /api/2.0/mlflow/experiments/search HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 403")


def test_up_again_changes_nothing(project: Project, secrets: dict[str, str]) -> None:
    before = {name: item["Id"] for name, item in project.inspect_containers().items()}
    project.start_all()
    assert {name: item["Id"] for name, item in project.inspect_containers().items()} == before
    second = project.read_output("run", "--rm", "-T", "--no-deps", "keys", "sh", "-c", "cat /run/keys/all/*").split()
    assert sorted(second) == sorted(secrets.values())
