"""Airflow in one pod of a cluster, as the chart's values describe its parts: a stand-in for the chart in tests.

One pod instead of several, SQLite instead of Postgres; the image, the user, the file system, the account, the options,
the environment and the probes' commands are those of `deploy/airflow-values.yaml` and of the overlay `production`.
"""

import base64
import secrets
from typing import Any
from urllib.parse import urlsplit

import yaml

from support.manifests import DEPLOY, Manifests

Object = dict[str, Any]
VALUES: Object = yaml.safe_load((DEPLOY / "airflow-values.yaml").read_text())
PARTS = {"api-server": "apiServer", "scheduler": "scheduler", "dag-processor": "dagProcessor", "triggerer": "triggerer"}
STATE = "/opt/airflow/logs"


def rename_namespaces(objects: tuple[Object, ...], names: dict[str, str]) -> list[Object]:
    """The same objects in other namespaces."""
    return [_rename_value(stored, names) for stored in objects]


def _rename_value(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_rename_value(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    actual = {key: _rename_value(item, names) for key, item in value.items()}
    if isinstance(actual.get("namespace"), str):
        actual["namespace"] = names.get(actual["namespace"], actual["namespace"])
    if actual.get("kind") == "Namespace":
        actual["metadata"]["name"] = names[actual["metadata"]["name"]]
    return actual


def build_secret() -> dict[str, str]:
    """New values of the Secret that the chart's values name."""
    return {
        "connection": f"sqlite:///{STATE}/airflow.db?timeout=60",
        "fernet-key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "api-secret-key": secrets.token_hex(32),
        "jwt-secret": secrets.token_hex(32),
    }


def build_pod(manifests: Manifests, image: str, server: str, more: dict[str, str]) -> Object:
    """The pod. `server` is the URL of the Kubernetes API, for clusters whose services have no addresses."""
    api = urlsplit(server)
    environment = {
        **{
            f"AIRFLOW__{section}__{name}".upper(): str(value)
            for section, names in VALUES["config"].items()
            for name, value in names.items()
        },
        **manifests.get_object("ConfigMap", "nightshift-airflow", "airflow")["data"],
        # One pod: everything is at localhost, and there is room for one task.
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "http://localhost:8080/execution/",
        "AIRFLOW__CORE__PARALLELISM": "1",
        "AIRFLOW__CORE__EXECUTOR": VALUES["executor"],
        "AIRFLOW__API__WORKERS": "1",
        "KUBERNETES_SERVICE_HOST": str(api.hostname),
        "KUBERNETES_SERVICE_PORT": str(api.port or 443),
        **more,
    }
    contexts = VALUES["securityContexts"]
    shared = {
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": contexts["containers"],
        "env": [*({"name": name, "value": value} for name, value in environment.items()), *_list_key_references()],
        "volumeMounts": [*VALUES["volumeMounts"], {"name": "logs", "mountPath": STATE}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "airflow", "labels": {"component": "api-server"}},
        "spec": {
            "serviceAccountName": VALUES["scheduler"]["serviceAccount"]["name"],
            "securityContext": contexts["pod"],
            "terminationGracePeriodSeconds": 10,
            "initContainers": [{**shared, "name": "migrate", "command": ["airflow", "db", "migrate"]}],
            "containers": [{**shared, "name": part, "command": ["airflow", part]} for part in PARTS],
            "volumes": [*VALUES["volumes"], {"name": "logs", "emptyDir": {}}],
        },
    }


def _list_key_references() -> list[Object]:
    name = VALUES["fernetKeySecretName"]
    keys = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "connection",
        "AIRFLOW__CORE__FERNET_KEY": "fernet-key",
        "AIRFLOW__API__SECRET_KEY": "api-secret-key",
        "AIRFLOW__API_AUTH__JWT_SECRET": "jwt-secret",
    }
    return [{"name": key, "valueFrom": {"secretKeyRef": {"name": name, "key": entry}}} for key, entry in keys.items()]


def probe(part: str) -> list[str]:
    """The command that says whether a part lives."""
    command: list[str] = VALUES[PARTS[part]]["livenessProbe"]["command"]
    return command
