"""The services of docker-compose.yaml that are ours: S3, MLflow and the embedded cluster, each alone in a container."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from local_platform.compose.container_process import run
from local_platform.compose.secret_files import folder, read
from local_platform.errors import NotReady

S3_PORT = 8333
S3_INNER_PORTS = 18330
MLFLOW_PORT = 5000
CLUSTER_PORT = 6443
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - a container's own: who reaches it is decided by the networks it is in
OF_STEPS = ("NIGHTSHIFT_S3_", "MLFLOW_")


def state() -> Path:
    """The folder of a service's data."""
    return Path(os.environ.get("NIGHTSHIFT_STATE", "/var/lib/nightshift"))


def serve_s3() -> int:
    """Object storage; ready once its buckets are there. Returns its exit code.

    The server is several, and only S3 asks who one is: the others listen on this container's loopback, and what comes
    from the network is handed on to S3 alone.
    """
    from local_platform.services import s3_service
    from local_platform.services.tcp_proxy import forward

    keys = (read(f"s3-{name}-key") for name in ("platform", "steps", "mlflow", "viewer"))
    ports = s3_service.Ports.consecutive(S3_INNER_PORTS, S3_INNER_PORTS + 1)
    inner = s3_service.Storage(state(), ports, s3_service.identities(*keys))
    outer = replace(inner, ports=replace(ports, s3=S3_PORT))
    forward(EVERY_ADDRESS, S3_PORT, ports.s3)
    return run(replace(s3_service.service(inner), ready=lambda _since: s3_service.is_ready(outer)))


def serve_mlflow() -> int:
    """MLflow. NIGHTSHIFT_MLFLOW_NAMES: more names by which clients reach it, with commas. Returns its exit code."""
    from local_platform.services import mlflow_service
    from local_platform.services.s3_service import Identity

    more = os.environ.get("NIGHTSHIFT_MLFLOW_NAMES", "").split(",")
    return run(
        mlflow_service.service(
            mlflow_service.Tracking(
                home=Path(os.environ.get("TMPDIR", "/tmp"), "mlflow"),  # noqa: S108 - the container's own
                port=MLFLOW_PORT,
                s3_endpoint=_variable("NIGHTSHIFT_S3_ENDPOINT"),
                identity=Identity("mlflow", "mlflow", read("s3-mlflow-key"), ()),
                address=EVERY_ADDRESS,
                database=read("database-url"),
                names=("mlflow", *(name.strip() for name in more if name.strip())),
            )
        )
    )


def upgrade_mlflow() -> int:
    """MLflow's own upgrade of its database: stop the server and make a backup first. Returns 0."""
    from mlflow.db import commands

    # In this process, because the URL has a password in it.
    commands.main(["upgrade", read("database-url")], standalone_mode=False)
    return 0


def serve_cluster() -> int:
    """The embedded cluster; ready once it holds what the steps' pods need. Returns its exit code."""
    from local_platform.services import embedded_cluster

    kubeconfig = Path(os.environ.get("KUBECONFIG", "/run/kubeconfig/config"))
    ours = embedded_cluster.Cluster(state(), CLUSTER_PORT, kubeconfig, hidden=(folder(),), names=("cluster",))
    values = of_steps("PYTHONPATH", "NIGHTSHIFT_RUN_CODE_VERSION")  # a pod of this cluster has no image to name them
    return run(embedded_cluster.service(ours), prepare=lambda: embedded_cluster.configure(ours, values, _secrets()))


def print_manifests() -> int:
    """The ConfigMap and the Secret of the steps, for a cluster whose pods run from the image. Returns 0."""
    from local_platform.services import embedded_cluster

    found = embedded_cluster.objects(of_steps(), _secrets())
    items = [found["configmaps"], found["secrets"]]
    sys.stdout.write(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1) + "\n")
    return 0


def of_steps(*more: str) -> dict[str, str]:
    """The variables of this container that its steps get: what docker-compose.yaml says of them, and `more`."""
    return {name: value for name, value in os.environ.items() if name.startswith(OF_STEPS) or name in more}


def _variable(name: str) -> str:
    if not os.environ.get(name):
        raise NotReady(f"this container's environment lacks {name}: docker-compose.yaml gives it")
    return os.environ[name]


def _secrets() -> dict[str, str]:
    return dict(line.split("=", 1) for line in read("environment").splitlines())
