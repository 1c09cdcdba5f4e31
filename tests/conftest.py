"""The real local things that tests use: an S3 server and an MLflow server on free ports, ended with the session.

Both run under a guard that ends them even when the test process is killed. Nothing here touches this machine's own
platform.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from local_platform.services import mlflow_service
from local_platform.services import s3_service as s3_server
from local_platform.services.service import run_service
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.settings import StorageSettings, read
from support.free_settings import build_settings_on_free_ports, find_free_ports

# One thread per process: with OpenMP's default a fit on busy cores takes twenty times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No test asks the metadata service of a cloud's machine for keys.
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
# How long an example takes tells of the machine and what else it does, and every run has the same examples.
settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")
EVERYTHING = ("Admin", "Read", "Write", "List", "Tagging")
LIMITED = ("Read", "Write", "List", "Tagging")
_numbers = count(1)


def _build_storage(home: Path) -> s3_server.S3Server:
    chosen = build_settings_on_free_ports()
    ports = s3_server.Ports.assign_consecutive(chosen.s3_port, chosen.s3_inner_ports)
    admin = s3_server.Identity("admin", "test-admin", "test-admin-secret", EVERYTHING)
    viewer = s3_server.Identity(
        "viewer", "test-viewer", "test-viewer-secret", s3_server.allow_actions(("Read", "List"), ("nightshift",))
    )
    mlflow = s3_server.Identity(
        "mlflow", "test-mlflow", "test-mlflow-secret", s3_server.allow_actions(LIMITED, ("mlflow",))
    )
    return s3_server.S3Server(home, ports, (admin, viewer, mlflow))


@pytest.fixture(scope="session")
def s3_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_server.S3Server]:
    """A real S3 server with the buckets lake, nightshift and mlflow, for the whole session. `s3` is its environment."""
    home = tmp_path_factory.mktemp("s3")
    storage = _build_storage(home)
    with run_service(s3_server.define_service(storage), home / "log"):
        yield storage


@pytest.fixture(scope="session")
def s3(s3_storage: s3_server.S3Server) -> dict[str, str]:
    """The environment that leads a step to the session's S3 server: NIGHTSHIFT_S3_* and AWS_*."""
    return {
        "NIGHTSHIFT_S3_ENDPOINT": s3_storage.endpoint,
        "NIGHTSHIFT_S3_REGION": "us-east-1",
        "NIGHTSHIFT_S3_BUCKET": "nightshift",
        **s3_storage.admin.build_environment(),
    }


@pytest.fixture
def bucket(s3_storage: s3_server.S3Server) -> Iterator[str]:
    """A new empty bucket for one test, gone with it; lake paths of a test can live in it as well.

    A bucket has volumes of its own, and the server makes only as many as the disk has room for.
    """
    name, s3 = f"test-{next(_numbers)}", s3_server.make_client(s3_storage, attempts=5)
    with suppress(s3.exceptions.BucketAlreadyExists, s3.exceptions.BucketAlreadyOwnedByYou):  # by the first try
        s3.create_bucket(Bucket=name)
    yield name
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        if entries := page.get("Contents", ()):
            s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": entry["Key"]} for entry in entries]})
    with suppress(s3.exceptions.NoSuchBucket):
        s3.delete_bucket(Bucket=name)


@pytest.fixture
def s3_environment(s3: dict[str, str], bucket: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """This process's environment leads to the session's S3 server and to this test's own bucket."""
    environment = {**s3, "NIGHTSHIFT_S3_BUCKET": bucket}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


@pytest.fixture
def store(s3_environment: dict[str, str]) -> ObjectStore:  # noqa: ARG001 - sets the environment
    """The object store of this test: a new bucket on the session's S3 server."""
    return ObjectStore(read(StorageSettings))


@contextmanager
def run_mlflow(home: Path, storage: s3_server.S3Server) -> Iterator[str]:
    """A real MLflow server for the length of a `with` block; yields its URL."""
    identity = next(i for i in storage.identities if i.name == "mlflow")
    server = mlflow_service.MlflowServer(home, find_free_ports(1)[0], storage.endpoint, identity)
    with run_service(mlflow_service.define_service(server), home / "log"):
        yield server.url


@pytest.fixture(scope="session")
def mlflow_server(s3_storage: s3_server.S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server (SQLite, artifacts in S3) for the whole session; yields its URL."""
    with run_mlflow(tmp_path_factory.mktemp("mlflow"), s3_storage) as url:
        yield url


@pytest.fixture
def mlflow_environment(mlflow_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The process's environment leads to the session's MLflow server; yields its URL."""
    for name, value in {
        "MLFLOW_TRACKING_URI": mlflow_server,
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }.items():
        monkeypatch.setenv(name, value)
    return mlflow_server
