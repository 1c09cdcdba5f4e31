"""A platform for the whole session: its services and its Airflow on this machine, its pods on a real cluster.

| variable | meaning |
|---|---|
| `NIGHTSHIFT_TEST_KUBECONFIG` | the administrator's kubeconfig of a cluster that nobody else uses |
| `NIGHTSHIFT_TEST_STEP_IMAGE` | the image of the steps, as its nodes have it (default: `nightshift-steps:local`) |
| `NIGHTSHIFT_TEST_HOST_ADDRESS` | the address of this machine that its pods reach (default: the API server's) |
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from kubernetes import client, config

from local_platform.checkout import SOURCES
from local_platform.demo.airflow_api import AirflowApi
from local_platform.demo.backfills import Backfills
from local_platform.files import write_private
from local_platform.marked_processes import find_processes_of
from local_platform.one_machine import settings
from local_platform.one_machine.home import Home
from local_platform.one_machine.platform import Platform
from local_platform.one_machine.progress import Progress
from local_platform.services.embedded_cluster import CONFIGURATION, NAMESPACE
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.settings import StorageSettings
from support.free_settings import build_settings_on_free_ports
from support.real_chain import PLAN, Chain
from support.real_platform import RealPlatform, run_platform

RECORD = "2013-01-04..2013-03-20"
HISTORY = ("2013-01-04..2013-02-23", "2013-02-28..2013-03-16")
"""Nights that are validated beforehand: what the chain's nights look back on, and the nights of the faults."""


@pytest.fixture(scope="session")
def admin() -> Path:
    """The administrator's kubeconfig."""
    given = os.environ.get("NIGHTSHIFT_TEST_KUBECONFIG", "")
    if not Path(given).is_file():
        pytest.fail("NIGHTSHIFT_TEST_KUBECONFIG must name the administrator's kubeconfig of a cluster for tests")
    return Path(given)


@pytest.fixture(scope="session")
def core(admin: Path) -> client.CoreV1Api:
    """The cluster, as its administrator."""
    return client.CoreV1Api(config.new_client_from_config(str(admin)))


@pytest.fixture(scope="session")
def prepared(core: client.CoreV1Api) -> Iterator[None]:
    """The namespace is nobody else's, and is afterwards as it was before."""
    before = [item.metadata.name for item in core.list_namespace().items]
    if NAMESPACE in before and (pods := core.list_namespaced_pod(NAMESPACE).items):
        pytest.fail(f"the namespace {NAMESPACE} is in use: it has {len(pods)} pods; take a cluster for tests")
    if NAMESPACE in before and _has_configuration(core):
        pytest.fail(f"the namespace {NAMESPACE} is in use: delete its ConfigMap {CONFIGURATION} if it is nobody's")
    yield
    if NAMESPACE not in before:
        core.delete_namespace(NAMESPACE)
        return
    core.delete_namespaced_config_map(CONFIGURATION, NAMESPACE)
    core.delete_namespaced_secret(CONFIGURATION, NAMESPACE)


def _has_configuration(core: client.CoreV1Api) -> bool:
    return CONFIGURATION in [item.metadata.name for item in core.list_namespaced_config_map(NAMESPACE).items]


@pytest.fixture(scope="session")
def real(
    admin: Path,
    core: client.CoreV1Api,
    prepared: None,  # noqa: ARG001 - checks the cluster first
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RealPlatform]:
    """The running platform, with the data of early 2013 in its lake."""
    home = Home(tmp_path_factory.mktemp("r") / "h")
    environment = _build_environment(home, core)
    _make_home(home, environment["NIGHTSHIFT_SERVICE_ADDRESS"])
    try:
        run_platform(environment, "manifests")
        apply = ("kubectl", "--kubeconfig", str(admin), "apply", "-k", str(home.manifests))
        subprocess.run(apply, check=True, capture_output=True, text=True, timeout=60)
        run_platform(environment, "kubeconfig", "--admin", str(admin), "--hours", "2")
        output = run_platform(environment, "up", timeout=600)
        real = _open_platform(home, core, environment, output.partition("has code ")[2].split()[0])
        _land(real)
        yield real
    finally:
        run_platform(environment, "down")
        left = find_processes_of(home.path)
    assert left == []


def _build_environment(home: Home, core: client.CoreV1Api) -> dict[str, str]:
    server = urlsplit(core.api_client.configuration.host).hostname or ""
    return {
        "HOME": str(home.path.parent),
        "NIGHTSHIFT_HOME": str(home.path),
        "NIGHTSHIFT_CLUSTER": "external",
        "NIGHTSHIFT_SERVICE_ADDRESS": os.environ.get("NIGHTSHIFT_TEST_HOST_ADDRESS") or server,
        "NIGHTSHIFT_STEP_IMAGE": os.environ.get("NIGHTSHIFT_TEST_STEP_IMAGE") or "nightshift-steps:local",
        "KUBECONFIG": str(home.manifests / "airflow.kubeconfig"),
    }


def _make_home(home: Home, address: str) -> None:
    """Settings on free ports, and a folder with this tree's DAGs and those of the tests."""
    home.path.mkdir()
    write_private(home.settings, settings.render_settings(build_settings_on_free_ports(address)))
    dags = home.path / "dags"
    dags.mkdir()
    for path in (*(SOURCES / "dags").glob("*.py"), *(Path(__file__).parent / "dags").glob("*.py")):
        shutil.copy(path, dags)
    home.options.write_text(f"AIRFLOW__CORE__DAGS_FOLDER={dags}\n")


def _open_platform(home: Home, core: client.CoreV1Api, environment: dict[str, str], version: str) -> RealPlatform:
    """The ways into a platform that runs. What it takes from the environment is read once."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        platform = Platform(home, settings.read_settings(home))
        for name, value in platform.build_step_secrets().items():
            patch.setenv(name, value)
        store = ObjectStore(StorageSettings(endpoint=platform.storage.endpoint))
        assert platform.airflow.image == environment["NIGHTSHIFT_STEP_IMAGE"]
    key = platform.settings
    api = AirflowApi(f"http://127.0.0.1:{key.airflow_port}", "admin", key.admin_password)
    return RealPlatform(platform, store, api, core, environment, version)


def _land(real: RealPlatform) -> None:
    real.run_nightshift("seed", "flights", "--dates", "original", "--nights", RECORD)
    for nights in HISTORY:
        real.run_nightshift("validate", "flights", nights)


@pytest.fixture(scope="session")
def chain(real: RealPlatform) -> Chain:
    """The platform after its first four nights."""
    real.run_nightshift("seed", "flights", "--corrupt", PLAN.corrupted.isoformat())
    backfills = Backfills(real.api, PLAN, real.store, Progress())
    backfills.run()
    return Chain(real)
