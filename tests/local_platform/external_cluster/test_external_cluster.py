"""Another cluster in the place of the embedded one: what has to be said, what is written, what is noticed."""

import json
import os
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]  # the stubs would be one more dependency

from local_platform.checkout import SOURCES
from local_platform.code_version import read_code_version
from local_platform.errors import CannotStart
from local_platform.external_cluster.airflow_kubeconfig import write_kubeconfig
from local_platform.external_cluster.choice import read_choice
from local_platform.one_machine import airflow_options, settings
from local_platform.one_machine.home import Home
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.preflight_checks import check_ports
from local_platform.one_machine.up import write_manifests
from local_platform.services import s3_service
from local_platform.services.airflow_services import build_environment
from local_platform.services.s3_service import Identity


def own_address() -> str:
    """An address of this machine that is not its loopback."""
    own = [a.address for addresses in psutil.net_if_addrs().values() for a in addresses if a.family.name == "AF_INET"]
    others = [address for address in own if not address.startswith("127.")]
    if not others:
        pytest.skip("this machine has no address but its loopback")
    return others[0]


@pytest.fixture
def outside(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """The platform of a home with another cluster; nothing runs."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("{}")
    for name, value in {
        "NIGHTSHIFT_CLUSTER": "external",
        "NIGHTSHIFT_SERVICE_ADDRESS": own_address(),
        "NIGHTSHIFT_STEP_IMAGE": "registry.example/steps:7",
        "KUBECONFIG": str(kubeconfig),
    }.items():
        monkeypatch.setenv(name, value)
    return Platform(home, settings.read_settings(home))


def test_services_listen_where_pods_reach_them_and_airflow_does_not(outside: Platform) -> None:
    address = own_address()
    assert outside.build_step_values()["NIGHTSHIFT_S3_ENDPOINT"] == f"http://{address}:{outside.settings.s3_port}"
    assert outside.storage.endpoint == f"http://127.0.0.1:{outside.settings.s3_inner_ports + 8}"
    assert outside.build_step_values()["MLFLOW_TRACKING_URI"] == f"http://{address}:{outside.settings.mlflow_port}"
    assert build_environment(outside.airflow)["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert [service.name for service in outside.services][:3] == ["s3", "s3-proxy", "mlflow"]


def test_airflow_is_told_of_the_cluster_and_its_image(outside: Platform) -> None:
    given = build_environment(outside.airflow)
    assert given["NIGHTSHIFT_STEP_IMAGE"] == "registry.example/steps:7"
    assert given["KUBECONFIG"] == os.environ["KUBECONFIG"]


def test_pods_know_their_code_from_the_image_and_commands_from_this_checkout(outside: Platform) -> None:
    assert "NIGHTSHIFT_RUN_CODE_VERSION" not in outside.build_step_values()
    assert outside.build_step_environment("tests")["NIGHTSHIFT_RUN_CODE_VERSION"] == read_code_version(SOURCES)


def test_the_embedded_cluster_needs_none_of_it(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_SERVICE_ADDRESS", own_address())
    monkeypatch.setenv("NIGHTSHIFT_STEP_IMAGE", "another:1")
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    assert platform.cluster is not None
    assert platform.address == "127.0.0.1"
    assert platform.airflow.kubeconfig == platform.home.kubeconfig
    assert build_environment(platform.airflow)["NIGHTSHIFT_STEP_IMAGE"] == "nightshift-steps:local"
    with pytest.raises(CannotStart, match="needs no manifests"):
        write_manifests(platform)


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        (None, "it is not set"),
        ("node.example", "it is 'node.example'"),
        ("127.0.0.1", "not one that a pod can reach"),
        ("0.0.0.0", "not one that a pod can reach"),  # noqa: S104 - refused
        ("192.0.2.77", "no address of this machine"),
    ],
)
def test_an_address_that_cannot_serve_is_said(address: str | None, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_CLUSTER", "external")
    monkeypatch.delenv("NIGHTSHIFT_SERVICE_ADDRESS", raising=False)
    if address:
        monkeypatch.setenv("NIGHTSHIFT_SERVICE_ADDRESS", address)
    with pytest.raises(CannotStart, match="NIGHTSHIFT_SERVICE_ADDRESS must be the IPv4 address") as raised:
        read_choice()
    assert wrong in str(raised.value)


def test_a_choice_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_CLUSTER", "extrenal")
    with pytest.raises(CannotStart, match="'extrenal' is no choice: expected one of embedded, external"):
        read_choice()


def test_a_kubeconfig_that_is_none_is_said(outside: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG")
    with pytest.raises(CannotStart, match="KUBECONFIG names no file: make one with `make kubeconfig"):
        _ = outside.airflow


def test_a_port_taken_where_pods_reach_is_said(outside: Platform) -> None:
    port = outside.settings.mlflow_port
    with (
        socket.create_server((outside.address, port)),
        pytest.raises(CannotStart, match=rf"port {port} \(.*MLFLOW_PORT\) is taken by "),
    ):
        check_ports(outside)


def test_the_manifests_hold_this_platforms_settings_and_only_this_user_reads_them(outside: Platform) -> None:
    folder = write_manifests(outside)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == dict.fromkeys(("kustomization.yaml", "steps.env", "secrets.env"), 0o600)
    completed = subprocess.run(("kubectl", "kustomize", str(folder)), capture_output=True, text=True)
    assert completed.returncode == 0, completed.stderr
    objects = {(o["kind"], o["metadata"]["name"]): o for o in _objects(completed.stdout)}
    assert objects["ConfigMap", "nightshift-steps"]["data"] == outside.build_step_values()
    assert set(objects["Secret", "nightshift-steps"]["data"]) == set(outside.build_step_secrets())
    assert {o["metadata"].get("namespace", "nightshift") for o in objects.values()} == {"nightshift"}
    assert ("Role", "nightshift-airflow") in objects


def _objects(text: str) -> list[dict[str, Any]]:
    return [item for item in yaml.safe_load_all(text) if item]


def test_options_of_airflow_take_the_place_of_ours(home: Home) -> None:
    home.options.write_text("# why\n\nAIRFLOW__OPERATORS__DEFAULT_DEFERRABLE=true\nAIRFLOW__CORE__PARALLELISM=2\n")
    given = build_environment(Platform(home, settings.read_settings(home)).airflow)
    assert given["AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE"] == "true"
    assert given["AIRFLOW__CORE__PARALLELISM"] == "2"


@pytest.mark.parametrize("line", ["PATH=/x", "AIRFLOW__CORE=1", 'AIRFLOW__CORE__X="1"', "AIRFLOW__CORE__X"])
def test_a_line_that_is_no_option_is_said(line: str, tmp_path: Path) -> None:
    path = tmp_path / "airflow.env"
    path.write_text(f"# one\n{line}\n")
    with pytest.raises(CannotStart, match=r"airflow.env, line 2: expected AIRFLOW__SECTION__OPTION=value"):
        airflow_options.read_options(path)


def test_a_kubeconfig_cannot_be_made_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="is no file: give the administrator's kubeconfig"):
        write_kubeconfig(tmp_path / "none", tmp_path / "made", 1)
    broken = tmp_path / "broken"
    broken.write_text(json.dumps({"kind": "Config"}))
    with pytest.raises(CannotStart, match="is no kubeconfig that can be used"):
        write_kubeconfig(broken, tmp_path / "made", 1)
    with pytest.raises(CannotStart, match="less than ten minutes"):
        write_kubeconfig(broken, tmp_path / "made", 0.1)
    assert not (tmp_path / "made").exists()


def test_the_identity_of_the_steps_is_the_one_in_the_secret(outside: Platform) -> None:
    steps = next(i for i in outside.storage.identities if i.name == "steps")
    assert outside.build_step_secrets() == Identity.build_environment(steps)
    assert s3_service.BUCKETS[2] not in " ".join(steps.actions), "steps reach MLflow's files through MLflow only"
