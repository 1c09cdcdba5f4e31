"""The platform of docker-compose.yaml, in a project of its own, on free ports."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from support.compose_project import Project, has_image, run_docker
from support.free_settings import build_settings_on_free_ports

VERSION = os.environ.get("NIGHTSHIFT_VERSION", "local")
IMAGES = tuple(f"nightshift-{target}:{VERSION}" for target in ("steps", "services", "airflow"))


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker engine with the images; without it a test that was asked for fails, and says what to do."""
    if not which("docker") or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.fail("these tests need Docker with its plugin `docker compose`: install both", pytrace=False)
    if subprocess.run(["docker", "version"], capture_output=True).returncode:
        pytest.fail("these tests need a Docker engine: `docker version` does not reach one", pytrace=False)
    if missing := [name for name in IMAGES if not has_image(name)]:
        pytest.fail(f"these tests need {', '.join(missing)}: type `make images`", pytrace=False)


@pytest.fixture(scope="session")
def variables() -> dict[str, str]:
    # Not of the system's own choice: a port must still be free minutes later, and while its service is started again.
    chosen = build_settings_on_free_ports()
    return {
        "NIGHTSHIFT_VERSION": VERSION,
        "NIGHTSHIFT_AIRFLOW_PORT": str(chosen.airflow_port),
        "NIGHTSHIFT_MLFLOW_PORT": str(chosen.mlflow_port),
    }


@pytest.fixture(scope="session")
def postgres(engine: None, variables: dict[str, str]) -> Iterator[None]:  # noqa: ARG001
    """Postgres's image; a stand-in of the same name for as long as the tests run, where it is not there."""
    image = Project("any", variables).read_configuration()["services"]["postgres"]["image"]
    created = not has_image(image)
    if created:
        run_docker("build", "--quiet", "--tag", image, str(Path(__file__).parent / "postgres"))
    yield
    if created:
        run_docker("image", "rm", image)


@pytest.fixture(scope="session")
def project(postgres: None, variables: dict[str, str]) -> Iterator[Project]:  # noqa: ARG001
    """The whole platform, up and healthy; nothing of it is left afterwards."""
    created = Project(f"nightshift-test-{os.getpid()}", variables)
    try:
        created.start_all()
        yield created
    finally:
        left = created.remove()
    assert left == []
