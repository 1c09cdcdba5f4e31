"""The door: who is let in, and what the server leaves on disk."""

import json
import socket
import ssl
import stat
import subprocess
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import watch
from kubernetes.client.exceptions import ApiException

from support.cluster_server import ClusterServer
from support.pod_client import PodClient

TOKENLESS = ("/", "/api", "/api/v1/namespaces/nightshift/pods", "/openapi/v2", "/apis", "/readyz/x")


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health_needs_no_token(shared: ClusterServer, path: str) -> None:
    assert shared.get(path) == b"ok"


def test_the_version_needs_no_token(shared: ClusterServer) -> None:
    assert json.loads(shared.get("/version"))["major"] == "1"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic abc"])
@pytest.mark.parametrize("path", TOKENLESS)
def test_everything_else_does(shared: ClusterServer, path: str, header: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        shared.get(path, Authorization=header)
    with refused.value as reply:
        assert reply.code == 401
        assert json.loads(reply.read())["reason"] == "Unauthorized"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/unicorns",
        "/api/v1/namespaces/nightshift/nodes",
        "/api/v1/pods/no-namespace",
        "/api/v2",
        "/api/v1/namespaces/..%2f..%2fetc/pods/x",
        "/api/v1/namespaces/nightshift/pods/..%2f..%2fetc/log",
        "/api/v1/namespaces/nightshift/pods/%00",
    ],
)
def test_addresses_that_mean_nothing_are_not_found(shared: ClusterServer, path: str) -> None:
    token = json.loads(shared.kubeconfig.read_text())["users"][0]["user"]["token"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        shared.get(path, Authorization=f"Bearer {token}")
    with refused.value as reply:
        assert reply.code == 404
        assert json.loads(reply.read())["kind"] == "Status"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"metadata": []}', b'{"spec": {"containers": {}}}']
)
def test_a_body_that_is_no_object_is_a_bad_request(pods: PodClient, body: bytes) -> None:
    reply = pods.api.api_client.rest_client.pool_manager.request(
        "POST",
        f"{pods.api.api_client.configuration.host}/api/v1/namespaces/nightshift/pods",
        body=body,
        headers={"Authorization": _token(pods), "Content-Type": "application/json"},
    )
    assert reply.status == 400
    assert json.loads(reply.data)["reason"] == "BadRequest"


def _token(pods: PodClient) -> str:
    headers: dict[str, str] = {}
    pods.api.api_client.update_params_for_auth(headers, [], ["BearerToken"])
    return headers["authorization"]


def test_only_the_owner_can_read_what_is_stored(shared: ClusterServer, pods: PodClient) -> None:
    pods.create_secret({"password": "hidden"})
    files = [shared.kubeconfig, *(path for path in shared.state.iterdir() if path.is_file())]
    assert len(files) > 4
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_kubeconfig_names_the_namespace(shared: ClusterServer) -> None:
    assert json.loads(shared.kubeconfig.read_text())["contexts"][0]["context"]["namespace"] == "nightshift"


def test_a_second_server_on_the_same_state_is_refused(shared: ClusterServer) -> None:
    second = subprocess.run(shared.command, capture_output=True, text=True, timeout=20)
    assert second.returncode == 2
    assert "another server uses" in second.stderr


def test_an_address_of_the_network_is_refused(shared: ClusterServer) -> None:
    completed = subprocess.run([*shared.command, "--host", "0.0.0.0"], capture_output=True, text=True, timeout=20)  # noqa: S104
    assert completed.returncode == 2
    assert "not a loopback address" in completed.stderr


def test_a_network_needs_a_name(shared: ClusterServer) -> None:
    arguments = [*shared.command, "--host", "0.0.0.0", "--network"]  # noqa: S104
    completed = subprocess.run(arguments, capture_output=True, text=True, timeout=20)
    assert completed.returncode == 2
    assert "--network needs --name" in completed.stderr


@pytest.mark.parametrize("name", ["", "-x", "a b", "UPPER", "x/y", "a\n"])
def test_a_name_that_is_none_is_refused(shared: ClusterServer, name: str) -> None:
    arguments = [*shared.command, "--network", f"--name={name}"]
    completed = subprocess.run(arguments, capture_output=True, text=True, timeout=20)
    assert completed.returncode == 2
    assert "is no host name" in completed.stderr


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterServer]:
    """A server that other machines may reach, by a name that this one resolves."""
    options = ("--host", "0.0.0.0", "--network", "--name", "localhost.localdomain", "--name", "localhost")  # noqa: S104
    created = ClusterServer(tmp_path_factory.mktemp("network"), options).start()
    yield created
    created.end()


def test_the_kubeconfig_names_the_server(open_server: ClusterServer) -> None:
    assert open_server.read_address().startswith("http://localhost.localdomain:")


def test_on_a_network_the_certificate_has_every_name(open_server: ClusterServer) -> None:
    for name in ("localhost.localdomain", "localhost", "127.0.0.1"):
        with _tls(open_server, name) as connection:
            certificate: dict[str, Any] = connection.getpeercert() or {}
        names = {value for _, value in certificate["subjectAltName"]}
        assert {"localhost.localdomain", "localhost", "127.0.0.1"} <= names


def test_on_a_network_a_name_that_was_not_given_is_not_trusted(open_server: ClusterServer) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _tls(open_server, "another.name")


def test_on_a_network_plain_http_has_no_answer(open_server: ClusterServer, shared: ClusterServer) -> None:
    assert _plain(shared).startswith(b"HTTP/1.1 200")
    assert _plain(open_server) == b""


def test_other_names_make_another_certificate(tmp_path: Path) -> None:
    server = ClusterServer(tmp_path, ("--name", "localhost")).start()
    try:
        first = (server.state / "ca.crt").read_text()
        server.end()
        server.start()
        assert (server.state / "ca.crt").read_text() == first
        server.end()
        server.options = ("--name", "localhost", "--name", "cluster")
        server.start()
        assert (server.state / "ca.crt").read_text() != first
        assert server.build_core_api().list_namespaced_pod("nightshift").items == []
    finally:
        server.end()


def _port(server: ClusterServer) -> int:
    return int(server.read_address().rpartition(":")[2])


def _tls(server: ClusterServer, name: str) -> ssl.SSLSocket:
    trusted = ssl.create_default_context(cafile=str(server.state / "ca.crt"))
    return trusted.wrap_socket(socket.create_connection(("127.0.0.1", _port(server)), 10), server_hostname=name)


def _plain(server: ClusterServer) -> bytes:
    with socket.create_connection(("127.0.0.1", _port(server)), 10) as connection:
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            return connection.recv(200)
        except ConnectionResetError:
            return b""


def test_the_token_outlives_the_server(server: ClusterServer) -> None:
    before = json.loads(server.kubeconfig.read_text())
    server.end()
    server.start()
    after = json.loads(server.kubeconfig.read_text())
    assert after["users"] == before["users"]
    assert (
        after["clusters"][0]["cluster"]["certificate-authority-data"]
        == before["clusters"][0]["cluster"]["certificate-authority-data"]
    )


def test_a_watch_from_before_a_restart_is_told_so(server: ClusterServer) -> None:
    version = server.build_core_api().list_namespaced_config_map("nightshift").metadata.resource_version
    server.end()
    api = server.start().build_core_api()
    with pytest.raises(ApiException) as refused:
        list(
            watch.Watch().stream(
                api.list_namespaced_config_map, "nightshift", resource_version=version, timeout_seconds=5
            )
        )
    assert refused.value.status == 410
