"""`python -m local_platform.compose WORD`: what the containers of docker-compose.yaml run.

Secrets are files below NIGHTSHIFT_KEYS (default /run/keys), never variables or arguments of a container; state is below
NIGHTSHIFT_STATE (default /var/lib/nightshift). Everything else is in the environment that docker-compose.yaml gives.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from local_platform.errors import NotReady
from nightshift.errors import BadConfig
from nightshift.variables import require_known

DOES = {
    "keys": "write the secrets that are missing, and to each service its own",
    "databases": "make the databases and their users in Postgres, or give the users their present passwords",
    "s3": "serve object storage",
    "mlflow": "serve MLflow",
    "mlflow-upgrade": "bring MLflow's database up to this version",
    "cluster": "serve a Kubernetes API whose pods are processes of this container",
    "manifests": "print what steps need on another cluster, with its secrets: for `kubectl apply -f -`",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one word: a service until it ends, with its exit code; 1 with a sentence when something is missing."""
    top = argparse.ArgumentParser(prog="python -m local_platform.compose", description=__doc__)
    words = top.add_subparsers(dest="word", required=True, metavar="WORD")
    for name, does in DOES.items():
        words.add_parser(name, help=does, description=does)
    word = top.parse_args(argv).word
    try:
        require_known(os.environ)
        return _run(word)
    except (NotReady, BadConfig) as error:
        sys.stderr.write(f"cannot go on: {error}\n")
        return 1


def _run(word: str) -> int:
    # Imported here: a container needs the packages of its own word only.
    if word == "keys":
        from local_platform.compose.secret_files import write

        return write()
    if word == "databases":
        from local_platform.compose.postgres_databases import make

        return make()
    from local_platform.compose import container_services

    serve = {
        "s3": container_services.serve_s3,
        "mlflow": container_services.serve_mlflow,
        "mlflow-upgrade": container_services.upgrade_mlflow,
        "cluster": container_services.serve_cluster,
        "manifests": container_services.print_manifests,
    }
    return serve[word]()


if __name__ == "__main__":
    sys.exit(main())
