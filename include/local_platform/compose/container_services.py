"""Serves S3, MLflow and the embedded cluster, each alone in a container of docker-compose.yaml."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from local_platform.compose.container_process import run_in_container
from local_platform.compose.secret_files import find_folder, read_secret
from local_platform.errors import NotReady
from nightshift.known_variables import DEFAULTS

S3_PORT = 8333
S3_INNER_PORTS = 18330
MLFLOW_PORT = 5000
CLUSTER_PORT = 6443
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - of a container: its networks decide who reaches it
STEP_PREFIXES = ("NIGHTSHIFT_S3_", "MLFLOW_")


def find_state_folder() -> Path:
    """Returns the folder of a service's data."""
    return Path(os.environ.get("NIGHTSHIFT_STATE", DEFAULTS["NIGHTSHIFT_STATE"]))


def serve_s3() -> int:
    """Serves object storage; ready once its buckets exist. Returns its exit code.

    The server consists of several, of which only S3 authenticates its clients. So all of them listen on this
    container's loopback, and a TCP proxy forwards connections from the network to S3 alone.
    """
    from local_platform.services import s3_service
    from local_platform.services.tcp_proxy import start_proxy

    keys = (read_secret(f"s3-{name}-key") for name in ("platform", "steps", "mlflow", "viewer"))
    ports = s3_service.Ports.assign_consecutive(S3_INNER_PORTS, S3_INNER_PORTS + 1)
    inner = s3_service.S3Server(find_state_folder(), ports, s3_service.define_identities(*keys))
    outer = replace(inner, ports=replace(ports, s3=S3_PORT))
    start_proxy(EVERY_ADDRESS, S3_PORT, ports.s3)
    return run_in_container(replace(s3_service.define_service(inner), ready=lambda _since: s3_service.is_ready(outer)))


def serve_mlflow() -> int:
    """Serves MLflow; NIGHTSHIFT_MLFLOW_NAMES: more host names of it, with commas. Returns its exit code."""
    from local_platform.services import mlflow_service
    from local_platform.services.s3_service import Identity

    more_names = os.environ.get("NIGHTSHIFT_MLFLOW_NAMES", "").split(",")
    return run_in_container(
        mlflow_service.define_service(
            mlflow_service.MlflowServer(
                home=Path(os.environ.get("TMPDIR", "/tmp"), "mlflow"),  # noqa: S108 - the container's own
                port=MLFLOW_PORT,
                s3_endpoint=_read_variable("NIGHTSHIFT_S3_ENDPOINT"),
                identity=Identity("mlflow", "mlflow", read_secret("s3-mlflow-key"), ()),
                address=EVERY_ADDRESS,
                database=read_secret("database-url"),
                names=("mlflow", *(name.strip() for name in more_names if name.strip())),
            )
        )
    )


def upgrade_mlflow() -> int:
    """Runs MLflow's own migration of its database: stop the server and make a backup first. Returns 0."""
    from mlflow.db import commands

    # In this process, because the URL has a password in it.
    commands.main(["upgrade", read_secret("database-url")], standalone_mode=False)
    return 0


def serve_cluster() -> int:
    """Serves the embedded cluster; ready once it holds what the steps' pods need. Returns its exit code."""
    from local_platform.services import embedded_cluster

    kubeconfig = Path(os.environ.get("KUBECONFIG", "/run/kubeconfig/config"))
    cluster = embedded_cluster.Cluster(
        find_state_folder(), CLUSTER_PORT, kubeconfig, hidden=(find_folder(),), names=("cluster",)
    )
    values = read_step_variables(
        "PYTHONPATH", "NIGHTSHIFT_RUN_CODE_VERSION"
    )  # a pod of this cluster has no image to name them
    return run_in_container(
        embedded_cluster.define_service(cluster),
        prepare=lambda: embedded_cluster.store_step_objects(cluster, values, _read_step_secrets()),
    )


def print_manifests() -> int:
    """Prints the ConfigMap and the Secret of the steps, for a cluster whose pods run from the image. Returns 0."""
    from local_platform.services import embedded_cluster

    objects = embedded_cluster.build_step_objects(read_step_variables(), _read_step_secrets())
    items = [objects["configmaps"], objects["secrets"]]
    sys.stdout.write(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1) + "\n")
    return 0


def read_step_variables(*more_names: str) -> dict[str, str]:
    """Returns the variables of this container that its steps get too, and those of `more_names`."""
    return {name: value for name, value in os.environ.items() if name.startswith(STEP_PREFIXES) or name in more_names}


def _read_variable(name: str) -> str:
    if not os.environ.get(name):
        raise NotReady(f"this container's environment lacks {name}: docker-compose.yaml sets it")
    return os.environ[name]


def _read_step_secrets() -> dict[str, str]:
    return dict(line.split("=", 1) for line in read_secret("environment").splitlines())
