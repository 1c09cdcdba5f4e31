"""The MLflow server of one machine: runs and the registry in SQLite, artifacts in S3 through the server's own proxy."""

import sys
from dataclasses import dataclass
from pathlib import Path

from local_platform.s3 import Identity
from local_platform.service import Service, answers


@dataclass(frozen=True)
class Tracking:
    """One MLflow server: where its database is, its port, the storage of its artifacts, the address it listens on."""

    home: Path
    port: int
    s3_endpoint: str
    identity: Identity
    address: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """The URL of its API and its pages."""
        return f"http://{self.address}:{self.port}"


def service(tracking: Tracking) -> Service:
    """The server as a service."""
    tracking.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Service(
        name="mlflow",
        command=(
            sys.executable,
            "-m",
            "local_platform.tracking_server",
            tracking.address,
            str(tracking.port),
            f"sqlite:///{tracking.home / 'mlflow.db'}",
        ),
        directory=tracking.home,
        environment={
            "MLFLOW_S3_ENDPOINT_URL": tracking.s3_endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            **tracking.identity.environment(),
            # It refuses requests that were meant for another name, which a hostile page could send through a browser.
            "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(f"{host}:*" for host in _names(tracking)),
            "MLFLOW_DISABLE_TELEMETRY": "true",  # the default phones home
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # nine more processes for features that nothing here uses
            "OMP_NUM_THREADS": "1",
        },
        ready=lambda _since: answers(f"{tracking.url}/health"),
        patience=90,
    )


def _names(tracking: Tracking) -> tuple[str, ...]:
    return tuple(dict.fromkeys((tracking.address, "127.0.0.1", "localhost")))
