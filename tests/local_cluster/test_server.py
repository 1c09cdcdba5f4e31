"""The door: who is let in, and what the server leaves on disk."""

import json
import stat
import subprocess
import urllib.error

import pytest
from kubernetes import watch
from kubernetes.client.exceptions import ApiException

from cluster_server import ClusterServer
from pod_client import PodClient

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
    pods.secret({"password": "hidden"})
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
    done = subprocess.run([*shared.command, "--host", "0.0.0.0"], capture_output=True, text=True, timeout=20)  # noqa: S104
    assert done.returncode == 2
    assert "not a loopback address" in done.stderr


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
    version = server.core().list_namespaced_config_map("nightshift").metadata.resource_version
    server.end()
    api = server.start().core()
    with pytest.raises(ApiException) as refused:
        list(
            watch.Watch().stream(
                api.list_namespaced_config_map, "nightshift", resource_version=version, timeout_seconds=5
            )
        )
    assert refused.value.status == 410
