"""`python -m local_platform.compose COMMAND`: what the containers of docker-compose.yaml run.

Secrets are files below NIGHTSHIFT_KEYS (default /run/keys), never variables or arguments of a container; state is below
NIGHTSHIFT_STATE (default /var/lib/nightshift). Everything else is in the environment that docker-compose.yaml sets.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from local_platform.errors import NotReady
from nightshift.errors import BadConfig
from nightshift.variables import require_known

COMMANDS = {
    "keys": "write the secrets that are missing, and give each service its own",
    "databases": "create the databases and their users in Postgres, or set the users' current passwords",
    "s3": "serve object storage",
    "mlflow": "serve MLflow",
    "mlflow-upgrade": "migrate MLflow's database to this version",
    "cluster": "serve a Kubernetes API whose pods are processes of this container",
    "manifests": "print what steps need on another cluster, with its secrets: for `kubectl apply -f -`",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command: a service until it ends, with its exit code; 1 with a sentence when something is missing."""
    parser = argparse.ArgumentParser(prog="python -m local_platform.compose", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, does in COMMANDS.items():
        commands.add_parser(name, help=does, description=does)
    command = parser.parse_args(argv).command
    try:
        require_known(os.environ)
        return _run(command)
    except (NotReady, BadConfig) as error:
        sys.stderr.write(f"cannot go on: {error}\n")
        return 1


def _run(command: str) -> int:
    # Imported here: a container has the packages of its own command only.
    if command == "keys":
        from local_platform.compose.secret_files import write_secrets

        return write_secrets()
    if command == "databases":
        from local_platform.compose.postgres_databases import make_databases

        return make_databases()
    from local_platform.compose import container_services

    serve = {
        "s3": container_services.serve_s3,
        "mlflow": container_services.serve_mlflow,
        "mlflow-upgrade": container_services.upgrade_mlflow,
        "cluster": container_services.serve_cluster,
        "manifests": container_services.print_manifests,
    }
    return serve[command]()


if __name__ == "__main__":
    sys.exit(main())
