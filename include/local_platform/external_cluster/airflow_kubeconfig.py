"""Writes a kubeconfig for Airflow: address and certificate of an administrator's, token of the restricted account.

The cluster itself issues the token (TokenRequest). It is valid for some hours and has the rights of the Role
`nightshift-airflow`. Every task reads the file again, so a new one takes effect without a restart.
"""

import json
from base64 import b64encode
from datetime import datetime
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.client import ApiException, AuthenticationV1TokenRequest, Configuration, V1TokenRequestSpec
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError

from local_platform.errors import CannotStart
from local_platform.files import write_private
from local_platform.services.embedded_cluster import NAMESPACE

ACCOUNT = "nightshift-airflow"
SHORTEST = 600
"""Seconds: Kubernetes issues no token for less."""


def write_kubeconfig(admin: Path, target: Path, hours: float) -> datetime:
    """Writes the kubeconfig to `target`, for this user only; returns when its token expires (with a time zone).

    `admin`: a kubeconfig whose user may make tokens in the namespace. Raises `CannotStart` with a sentence.
    """
    seconds = round(hours * 3600)
    if seconds < SHORTEST:
        raise CannotStart(f"a token for {hours:g} hours is too short: Kubernetes issues none for less than ten minutes")
    api = _connect(admin)
    configuration = api.configuration
    try:
        token = _request_token(client.CoreV1Api(api), seconds)
    except ApiException as error:
        raise CannotStart(_describe_refusal(error, admin)) from error
    except HTTPError as error:
        raise CannotStart(f"the cluster of {admin} does not answer at {configuration.host}: {error}") from error
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(target, json.dumps(_build_kubeconfig(configuration, token.status.token), indent=1) + "\n")
    ends: datetime = token.status.expiration_timestamp
    return ends


def _connect(admin: Path) -> client.ApiClient:
    if not admin.is_file():
        raise CannotStart(
            f"{admin} is no file: give the administrator's kubeconfig, as in `make kubeconfig ADMIN=FILE`"
        )
    try:
        return config.new_client_from_config(str(admin))
    except (ConfigException, OSError) as error:
        raise CannotStart(f"{admin} is no kubeconfig that can be used: {error}") from error


def _request_token(core: client.CoreV1Api, seconds: int) -> Any:
    # Without an audience the token is for the API server itself.
    request = AuthenticationV1TokenRequest(spec=V1TokenRequestSpec(audiences=[], expiration_seconds=seconds))
    return core.create_namespaced_service_account_token(ACCOUNT, NAMESPACE, request, _request_timeout=20)


def _describe_refusal(error: ApiException, admin: Path) -> str:
    if error.status == 404:
        return f"the cluster has no account {ACCOUNT} in {NAMESPACE}: apply the manifests of `make manifests` first"
    return f"the user of {admin} may make no token of {NAMESPACE}/{ACCOUNT}: {error.status} {error.reason}"


def _build_kubeconfig(configuration: Configuration, token: str) -> dict[str, Any]:
    cluster: dict[str, Any] = {"server": configuration.host}
    if configuration.ssl_ca_cert:
        cluster["certificate-authority-data"] = _encode(Path(configuration.ssl_ca_cert))
    if not configuration.verify_ssl:
        cluster["insecure-skip-tls-verify"] = True
    if configuration.tls_server_name:
        cluster["tls-server-name"] = configuration.tls_server_name
    if configuration.proxy:
        cluster["proxy-url"] = configuration.proxy
    name = "nightshift"
    context = {"cluster": name, "user": ACCOUNT, "namespace": NAMESPACE}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": ACCOUNT, "user": {"token": token}}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
    }


def _encode(certificate: Path) -> str:
    return b64encode(certificate.read_bytes()).decode()
