"""Servers whose certificate a private authority signed: refused at once, by the setting that mends it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local_cluster.certificates import load_or_make_tls
from nightshift.adapters.mlflow import connection
from nightshift.adapters.mlflow.connection import Server
from nightshift.adapters.s3.object_store import ObjectStore
from nightshift.errors import BadConfig
from nightshift.settings import RegistrySettings, StorageSettings

LIST = b"<?xml version='1.0'?><ListBucketResult><Name>lake</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
CA_VARIABLES = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", *connection.CA_SETTINGS)


class Answers(BaseHTTPRequestHandler):
    """An S3 with an empty bucket, and an MLflow of a version, in one."""

    def do_GET(self) -> None:
        data = b"3.17.2" if self.path == "/version" else LIST
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, Path]]:
    """The port of a server with TLS, and the file of its authority, which nobody trusts yet."""
    for name in CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    context, authority = load_or_make_tls(tmp_path)
    (tmp_path / "authority.pem").write_text(authority)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    connection._build_opener.cache_clear()
    yield server.server_port, tmp_path / "authority.pem"
    connection._build_opener.cache_clear()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("setting", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_a_private_authority_of_s3(private: tuple[int, Path], monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    port, authority = private
    settings = StorageSettings(endpoint=f"https://127.0.0.1:{port}", bucket="lake")
    with pytest.raises(BadConfig, match=r"the certificate of S3 at .* set AWS_CA_BUNDLE to the file"):
        ObjectStore(settings, retry_seconds=60).list_objects("s3://lake/")
    monkeypatch.setenv(setting, str(authority))
    assert ObjectStore(settings, retry_seconds=60).list_objects("s3://lake/") == []


@pytest.mark.parametrize("setting", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "MLFLOW_TRACKING_SERVER_CERT_PATH"])
def test_a_private_authority_of_mlflow(
    private: tuple[int, Path], monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    port, authority = private
    server = Server(RegistrySettings(tracking_uri=f"https://127.0.0.1:{port}"), retry_seconds=60)
    with pytest.raises(BadConfig, match=r"the certificate of MLflow at .* set REQUESTS_CA_BUNDLE to the file"):
        server.get("runs/get")
    connection._build_opener.cache_clear()
    monkeypatch.setenv(setting, str(authority))
    assert server.read_version() == "3.17.2"


@pytest.mark.parametrize("setting", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_a_file_of_certificates_that_is_not_there_is_a_sentence(
    private: tuple[int, Path], monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    port, _ = private
    monkeypatch.setenv(setting, "/nowhere/ca.pem")
    with pytest.raises(BadConfig, match="AWS_CA_BUNDLE"):
        ObjectStore(StorageSettings(endpoint=f"https://127.0.0.1:{port}"), retry_seconds=0).get("s3://lake/x")
    if setting == "REQUESTS_CA_BUNDLE":
        with pytest.raises(BadConfig, match=r"the file of certificates in .* REQUESTS_CA_BUNDLE cannot be read"):
            Server(RegistrySettings(tracking_uri=f"https://127.0.0.1:{port}"), retry_seconds=0).get("runs/get")


def test_tls_to_a_plain_port_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = f"https://127.0.0.1:{server.server_port}"
    try:
        with pytest.raises(BadConfig, match=r"speaks no TLS.* write http:// instead"):
            ObjectStore(StorageSettings(endpoint=url), retry_seconds=60).list_objects("s3://lake/")
        with pytest.raises(BadConfig, match=r"speaks no TLS.* write http:// instead"):
            Server(RegistrySettings(tracking_uri=url), retry_seconds=60).get("runs/get")
    finally:
        server.shutdown()
        server.server_close()
