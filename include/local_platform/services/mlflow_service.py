"""MLflow as a service: runs and the registry in SQLite or another database, artifacts in S3 through its own proxy."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from local_platform.services.s3_service import Identity
from local_platform.services.service import Service, is_answering

DATABASE_VARIABLE = "NIGHTSHIFT_TRACKING_DATABASE"
"""The variable that holds the database's URL: with its password, it must not stand on a command line."""


@dataclass(frozen=True)
class MlflowServer:
    """One MLflow server: its home, its port, the storage of its artifacts, the address it listens on.

    `database` is a URL with a password in it, or "" for SQLite in its home. `names`: more host names of it.
    """

    home: Path
    port: int
    s3_endpoint: str
    identity: Identity
    address: str = "127.0.0.1"
    database: str = field(default="", repr=False)
    names: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The URL of its API and its pages."""
        return f"http://{self.address}:{self.port}"


def define_service(tracking: MlflowServer) -> Service:
    """Returns the server as a service."""
    return Service(
        name="mlflow",
        command=(
            sys.executable,
            "-m",
            "local_platform.services.mlflow_server",
            tracking.address,
            str(tracking.port),
        ),
        directory=tracking.home,
        environment={
            DATABASE_VARIABLE: tracking.database or f"sqlite:///{tracking.home / 'mlflow.db'}",
            "MLFLOW_S3_ENDPOINT_URL": tracking.s3_endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            **tracking.identity.build_environment(),
            # It refuses requests for other host names, which a hostile page could send through a browser.
            "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(f"{host}:*" for host in _list_names(tracking)),
            "MLFLOW_DISABLE_TELEMETRY": "true",  # the default sends usage data
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # nine more processes for features that nothing here uses
            "OMP_NUM_THREADS": "1",
        },
        ready=lambda _since: is_answering(f"{tracking.url}/health"),
        start_timeout=90,
    )


def _list_names(tracking: MlflowServer) -> tuple[str, ...]:
    return tuple(dict.fromkeys((tracking.address, "127.0.0.1", "localhost", *tracking.names)))
