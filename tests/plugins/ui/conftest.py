"""A real API server with the plugin, over a real S3 that it may only read."""

import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from local_platform.services import airflow_services, s3_service
from local_platform.services.airflow_services import AirflowInstance
from local_platform.services.service import run_service
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.settings import StorageSettings
from support.free_settings import find_free_ports
from support.view_server import Server, fill

BUCKET = "nightshift"


class _Unframed(BaseHTTPRequestHandler):
    """Answers as MLflow does: a page that a browser shows in no frame of another site."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("X-Frame-Options", "SAMEORIGIN")
        self.end_headers()
        self.wfile.write(b"<h1>MLflow</h1>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Says nothing."""


@pytest.fixture(scope="session")
def mlflow_page() -> Iterator[str]:
    """Where the view's way to MLflow ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Unframed) as site:
        thread = Thread(target=site.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def server(
    s3_storage: s3_service.S3Server, mlflow_page: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Airflow's API server as the platform starts it, with a database of its own."""
    home = tmp_path_factory.mktemp("server")
    viewer = next(identity for identity in s3_storage.identities if identity.name == "viewer")
    where = {"NIGHTSHIFT_S3_ENDPOINT": s3_storage.endpoint, "NIGHTSHIFT_S3_BUCKET": BUCKET}
    airflow = AirflowInstance(
        home=home,
        port=find_free_ports(1)[0],
        passwords={"admin": "admin-secret", "analyst": "analyst-secret"},
        jwt_key="j" * 64,
        api_key="a" * 64,
        fernet_key="",
        kubeconfig=home / "none",
        mlflow_url=mlflow_page,
        viewer={**where, **viewer.build_environment()},
    )
    service = airflow_services.define_services(airflow)[0]
    migrate = airflow_services.build_migration_command(airflow)
    subprocess.run(migrate, env=service.build_environment(), check=True, capture_output=True, timeout=180)
    with run_service(service, home / "log"):
        yield Server(airflow.url, airflow.passwords)


@pytest.fixture(scope="session")
def filled(server: Server, s3_storage: s3_service.S3Server) -> Server:
    """The server, with a night to show."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_storage.admin.build_environment().items():
            patch.setenv(name, value)
        fill(ObjectStore(StorageSettings(endpoint=s3_storage.endpoint, bucket=BUCKET)))
    return server
